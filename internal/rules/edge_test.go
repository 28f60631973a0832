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

// twoResources is a batch of points that nothing but their resources and scopes tell apart.
func twoResources() pmetric.Metrics {
	md := pmetric.NewMetrics()
	for _, name := range []string{"1", "2", "3", ""} {
		oneGauge(pairs("a", "1"), pairs("a", "2")).ResourceMetrics().MoveAndAppendTo(md.ResourceMetrics())
		rm := md.ResourceMetrics().At(md.ResourceMetrics().Len() - 1)
		if name == "3" {
			rm.ScopeMetrics().At(0).Scope().SetName("1")
			continue
		}
		if name != "" {
			rm.Resource().Attributes().PutStr("a", name)
		}
	}
	return md
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
		"what is set was so before": {
			Rule{Transform: []string{`set(datapoint.attributes["a"], "1")`, `set(datapoint.attributes["n"], 1)`, `set(datapoint.attributes["nested"], resource.attributes["nested"])`}},
			oneGauge(pairs("a", "1"), pairs("a", "2"), pairs("b", "1"), pairs("n", "1"), nested("a", "1"), func(m pcommon.Map) { m.PutInt("n", 1) }),
		},
		"a part of an attribute is set": {
			Rule{Transform: []string{`set(datapoint.attributes["nested"]["a"], "1")`}},
			oneGauge(nested("a", "1"), nested("a", "2", "b", "1"), nested("b", "1"), pairs("b", "1")),
		},
		"an attribute is set to itself": {
			Rule{Transform: []string{`set(datapoint.attributes["a"], Concat([datapoint.attributes["a"], "x"], ""))`}},
			oneGauge(pairs("a", "1"), pairs("a", "2"), pairs("b", "1")),
		},
		"an attribute is set, read and deleted": {
			Rule{Transform: []string{`set(datapoint.attributes["b"], datapoint.attributes["a"])`, `set(datapoint.attributes["a"], "x")`, `delete_key(datapoint.attributes, "b") where datapoint.attributes["a"] == "1"`}},
			oneGauge(pairs("a", "1"), pairs("a", "x", "b", "1"), pairs("b", "1")),
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
		"resources and scopes": {
			Rule{Drop: []string{`datapoint.attributes["a"] == resource.attributes["a"]`, `datapoint.attributes["a"] == scope.name`}},
			twoResources(),
		},
		"a computed key": {
			Rule{Drop: []string{`datapoint.attributes[metric.name] == "1"`}}, oneGauge(pairs("m", "1"), pairs("m", "2"), pairs("a", "1")),
		},
		"what fails every time": {
			Rule{Transform: []string{`set(datapoint.attributes["b"], Substring(datapoint.attributes["a"], 0, 2))`}},
			oneGauge(pairs("a", "1"), pairs("a", "12"), pairs("a", "1")),
		},
		"a metric without points": {
			Rule{Transform: []string{`set(metric.unit, "s")`}}, oneGauge(),
		},
		"functions as arguments": {
			Rule{Transform: []string{`replace_pattern(datapoint.attributes["a"], "d", "x", ToUpperCase)`}}, oneGauge(pairs("a", "d")),
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

// Value statements run when an outcome is known, so rules that would change what they see begin a row of their own.
func TestValueStatementsSeeWhatTheyWouldSee(t *testing.T) {
	value := Rule{Transform: []string{`set(datapoint.value_int, 7) where datapoint.attributes["a"] == "1" and metric.unit == "s" and datapoint.value_int >= 0`}}
	for name, list := range map[string][]Rule{
		"an attribute is written after it is read": {value, {Transform: []string{`set(datapoint.attributes["a"], "2")`}}},
		"within a rule":                      {{Transform: []string{value.Transform[0], `set(datapoint.attributes["a"], "2")`}}},
		"and before it":                      {{Transform: []string{`set(datapoint.attributes["a"], "1")`}}, value},
		"a metric is written before":         {{Transform: []string{`set(metric.unit, "s")`}}, value},
		"a metric is written after":          {value, {Transform: []string{`set(metric.unit, "By")`}}},
		"the point is dropped after":         {value, {Drop: []string{`datapoint.attributes["a"] == "1"`}}},
		"the point is dropped for its value": {value, {Drop: []string{`datapoint.value_int == 7`}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, unit := range []string{"s", "By"} {
				in := oneGauge(pairs("a", "1"), pairs("a", "2"), pairs("b", "1"))
				in.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetUnit(unit)
				want, got := rulestest.Clone(in), rulestest.Clone(in)
				wantCounts, err := runOn(t.Context(), compileRules(t, list...), want)
				require.NoError(t, err)
				counts, err := runOn(t.Context(), compileMemoizing(t, Memoize{MaxSeries: 100, Expiration: time.Hour}, list...), got)
				require.NoError(t, err)
				require.Equal(t, asJSON(t, want), asJSON(t, got))
				require.Equal(t, wantCounts, counts)
			}
		})
	}
}
