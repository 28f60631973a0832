package exposition

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func summaryOf(name string) pmetric.Metrics {
	return single(func(m pmetric.Metric) {
		m.SetName(name)
		m.SetEmptySummary().DataPoints().AppendEmpty()
	})
}

// The first of two metrics that would write samples of one name wins, whichever it is.
func TestNamesOfSamplesMeet(t *testing.T) {
	histogram := bucketed(cumulative, 1, []float64{1})
	for _, pair := range [][2]pmetric.Metrics{
		{gauge("h_bucket", 1), histogram},
		{gauge("h_sum", 1), histogram},
		{gauge("h_count", 1), histogram},
		{summaryOf("h_sum"), histogram},
		{summaryOf("h_bucket"), histogram},
		{gauge("s_sum", 1), summaryOf("s")},
		{gauge("s_count", 1), summaryOf("s")},
	} {
		for i := range pair {
			s := NewStore(Options{})
			requireAccepted(t, s, pair[i])
			assert.Equal(t, map[Reason]int{ReasonNameConflict: 1}, s.Add(pair[1-i]).Refused)
			scrape(t, s, omLegacy)
		}
	}
	s := NewStore(Options{})
	requireAccepted(t, s, gauge("s_bucket", 1))
	requireAccepted(t, s, summaryOf("s"))
	require.Len(t, scrape(t, s, omLegacy).values, 3)
}
