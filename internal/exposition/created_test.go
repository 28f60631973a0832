package exposition

import (
	"testing"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Names that must be escaped take the slow way, where expfmt writes the lines.
func TestCreatedLinesOfEveryTypeGiveWayOnSlowPagesToo(t *testing.T) {
	for name, metric := range map[string]string{
		"c": `{"name":"x.c_total","sum":{"isMonotonic":true,"aggregationTemporality":2,"dataPoints":[{"startTimeUnixNano":"1500000000","asInt":"1"}]}}`,
		"h": `{"name":"x.h","histogram":{"aggregationTemporality":2,"dataPoints":[{"startTimeUnixNano":"1500000000","count":"0","sum":0}]}}`,
		"s": `{"name":"x.s","summary":{"dataPoints":[{"startTimeUnixNano":"1500000000","count":"1","sum":1}]}}`,
	} {
		s := NewStore(Options{Strategy: otlptranslator.NoTranslation})
		require.Equal(t, Outcome{Accepted: 1}, addJSON(t, s, metric))
		body, _ := render(t, s, omLegacy)
		require.Contains(t, string(body), "\nx_"+name+`_created{job="svc"} 1.5`)
		require.Equal(t, Outcome{Accepted: 1}, addJSON(t, s, `{"name":"x.`+name+`_created","gauge":{"dataPoints":[{"asInt":"9"}]}}`))
		body, _ = render(t, s, omLegacy)
		assert.NotContains(t, string(body), " 1.5", name)
		assert.Contains(t, string(body), "\nx_"+name+`_created{job="svc"} 9.0`)
		requireStrict(t, body)
	}
}
