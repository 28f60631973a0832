package rules

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func projectionOf(t *testing.T, condition string) *Projection {
	t.Helper()
	return compileRules(t, Rule{Drop: []string{condition}}).Projection()
}

func TestProjection(t *testing.T) {
	of := func(kv ...string) pcommon.Map {
		m := pcommon.NewMap()
		for i := 0; i < len(kv); i += 2 {
			m.PutStr(kv[i], kv[i+1])
		}
		return m
	}
	p := projectionOf(t, `datapoint.attributes["env"] == "prod"`)
	assert.True(t, p.Points())
	assert.Equal(t, p.Append(nil, of("env", "prod", "pod", "1")), p.Append(nil, of("pod", "2", "env", "prod")))
	assert.NotEqual(t, p.Append(nil, of("env", "prod")), p.Append(nil, of("env", "dev")))
	assert.NotEqual(t, p.Append(nil, of("env", "")), p.Append(nil, of()))
	assert.False(t, projectionOf(t, `metric.name == "a" and resource.attributes["env"] == "prod"`).Points())
}
