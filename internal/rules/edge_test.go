package rules

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/xpdata"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"

	"github.com/sluice-metrics/sluice/internal/rules/rulestest"
)

// oneGauge is a batch of one gauge, whose points have the given attributes.
func oneGauge(points ...func(pcommon.Map)) pmetric.Metrics {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("m")
	m.SetEmptyGauge()
	for i, fill := range points {
		p := m.Gauge().DataPoints().AppendEmpty()
		p.SetIntValue(int64(i))
		fill(p.Attributes())
	}
	return md
}

// pairs sets attributes as they come, so that a key may occur twice.
func pairs(texts ...string) func(pcommon.Map) {
	return func(m pcommon.Map) {
		var b xpdata.MapBuilder
		for i := 0; i < len(texts); i += 2 {
			b.AppendEmpty(texts[i]).SetStr(texts[i+1])
		}
		b.UnsafeIntoMap(m)
	}
}

func nested(texts ...string) func(pcommon.Map) {
	return func(m pcommon.Map) {
		pairs(texts...)(m.PutEmptyMap("nested"))
		m.PutStr("last", "x")
	}
}

// What random programs have found, each as small as it can be.
func TestWhatRemembersGetsRight(t *testing.T) {
	for name, tt := range map[string]struct {
		rule Rule
		md   pmetric.Metrics
	}{
		"the first of two attributes of one key is read": {
			Rule{Drop: []string{`datapoint.attributes["a"] == "1"`}},
			oneGauge(pairs("a", "1", "a", "2"), pairs("a", "2", "a", "1"), pairs("a", "1")),
		},
		"the second shows when the first is deleted": {
			Rule{Transform: []string{`delete_key(datapoint.attributes, "a")`, `set(datapoint.attributes["gone"], "yes") where datapoint.attributes["a"] == nil`}},
			oneGauge(pairs("a", "1"), pairs("a", "1", "b", "2", "a", "2"), pairs("a", "1", "b", "2")),
		},
		"both are removed by a pattern": {
			Rule{Transform: []string{`delete_matching_keys(datapoint.attributes, "a")`}},
			oneGauge(pairs("a", "1", "b", "2", "a", "2")),
		},
		"a key of no letters": {
			Rule{Transform: []string{`delete_key(datapoint.attributes, "")`}},
			oneGauge(pairs("", "1", "b", "2"), pairs("", "1", "b", "2", "c", "3")),
		},
		"a key inside an attribute": {
			Rule{Transform: []string{`delete_key(datapoint.attributes["nested"], "a")`}},
			oneGauge(nested("a", "1", "b", "2", "c", "3"), nested("b", "2")),
		},
		"the order inside an attribute": {
			Rule{Transform: []string{`set(datapoint.attributes["nested"], resource.attributes["nested"])`}},
			func() pmetric.Metrics {
				md := oneGauge(nested("a", "1", "b", "2"))
				nested("b", "2", "a", "1")(md.ResourceMetrics().At(0).Resource().Attributes())
				return md
			}(),
		},
		"how many points there are": {
			Rule{Drop: []string{`Len(metric.data_points) == 2 and datapoint.attributes["a"] == "1"`}},
			oneGauge(pairs("a", "1"), pairs("a", "2")),
		},
		"a condition of a group fails where no statement matches": {
			Rule{Groups: []Group{{
				Key: "g", ErrorMode: ottl.PropagateError,
				Conditions: []string{`Bool(resource.attributes["a"])`}, Statements: []string{`set(resource.attributes["a"], 1) where false`},
			}}},
			oneGauge(pairs("a", "1")),
		},
	} {
		t.Run(name, func(t *testing.T) {
			every := compileRules(t, tt.rule)
			want := rulestest.Clone(tt.md)
			wantCounts, wantErr := runOn(t.Context(), every, want)
			for _, shared := range []bool{false, true} {
				p := compileMemoizing(t, Memoize{MaxSeries: 100, Expiration: time.Hour}, tt.rule)
				for range 2 {
					md := rulestest.Clone(tt.md)
					if shared {
						md.MarkReadOnly()
					}
					counts := make([]Counts, 1)
					got, err := p.Run(t.Context(), md, counts)
					require.Equal(t, wantErr == nil, err == nil, "%v, %v", wantErr, err)
					if err == nil {
						require.Equal(t, asJSON(t, want), asJSON(t, got))
						require.Equal(t, withoutErrors(wantCounts), withoutErrors(counts))
					}
				}
			}
		})
	}
}
