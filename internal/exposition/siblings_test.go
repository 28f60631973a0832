package exposition

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// pushed is the page of a store as a Pushgateway gets it.
func pushed(t *testing.T, s *Store) page {
	t.Helper()
	body, _ := render(t, s, protoLegacy)
	return parse(t, body, string(protoLegacy))
}

func described(name, help, unit string, typ pmetric.MetricType) pmetric.Metrics {
	return single(func(m pmetric.Metric) {
		m.SetName(name)
		m.SetDescription(help)
		m.SetUnit(unit)
		switch typ {
		case pmetric.MetricTypeHistogram:
			appendHistogram(m)
			m.SetName(name)
		case pmetric.MetricTypeExponentialHistogram:
			appendExponential(m)
			m.SetName(name)
		default:
			m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
		}
	})
}

func TestSiblingsAgreeOnTypes(t *testing.T) {
	all := NewSiblings(Options{}, nil, []string{"reserved"})
	a, b := all.NewStore(nil), all.NewStore(nil)
	requireAccepted(t, a, gauge("x", 1))
	requireAccepted(t, b, gauge("x", 1))
	histogram := described("x", "", "", pmetric.MetricTypeHistogram)
	for i := range 2 {
		out := b.Add(described("h", "", "", pmetric.MetricTypeHistogram))
		assert.Equal(t, 1, out.Accepted)
		out = a.Add(gauge("h_seconds_count", 1))
		assert.Equal(t, map[Reason]int{ReasonNameConflict: 1}, out.Refused)
		assert.Len(t, out.Conflicts, 1-i)
		for _, c := range out.Conflicts {
			assert.Equal(t, Conflict{Family: "h_seconds_count", Owner: "h_seconds", Kind: ConflictName}, c)
		}
		out = a.Add(gauge("reserved", 1))
		assert.Equal(t, map[Reason]int{ReasonNameConflict: 1}, out.Refused)
		assert.Len(t, out.Conflicts, 1-i)
	}
	histogram.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetUnit("")
	c := all.NewStore(nil)
	assert.Equal(t, map[Reason]int{ReasonTypeConflict: 1}, c.Add(histogram).Refused)
	a.Close()
	assert.Equal(t, map[Reason]int{ReasonTypeConflict: 1}, c.Add(histogram).Refused)
	b.Close()
	assert.Empty(t, c.Add(histogram).Refused)
	c.Close()
	assert.Zero(t, all.Memory())
	assert.Empty(t, all.mu.families)
	assert.Equal(t, nameTable{"reserved": "reserved"}, all.mu.samples)
}

func TestSiblingsAgreeOnHelpAndUnit(t *testing.T) {
	all := NewSiblings(Options{}, nil, nil)
	a, b, c := all.NewStore(nil), all.NewStore(nil), all.NewStore(nil)
	requireAccepted(t, c, described("x_bytes", "", "", pmetric.MetricTypeGauge))
	requireAccepted(t, a, described("x", "first", "By", pmetric.MetricTypeGauge))
	out := b.Add(described("x_bytes", "second", "", pmetric.MetricTypeGauge))
	assert.Equal(t, map[ConflictKind]int{ConflictHelp: 1}, out.Conflicting)
	for _, s := range []*Store{a, b, c} {
		p := pushed(t, s)
		assert.Equal(t, map[string]string{"x_bytes": "first"}, p.helps)
		assert.Equal(t, map[string]string{"x_bytes": "bytes"}, p.units)
	}
}

func TestSiblingsAgreeOnTheKindOfHistograms(t *testing.T) {
	all := NewSiblings(Options{}, nil, nil)
	a, b := all.NewStore(nil), all.NewStore(nil)
	requireAccepted(t, a, described("h", "", "", pmetric.MetricTypeExponentialHistogram))
	assert.Len(t, pushed(t, a).native, 1)
	classic := described("h_bytes", "", "", pmetric.MetricTypeHistogram)
	classic.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetUnit("")
	assert.Equal(t, 1, b.Add(classic).Accepted)
	assert.Empty(t, pushed(t, b).native)
	assert.Empty(t, pushed(t, a).native)
	b.Close()
	assert.Len(t, pushed(t, a).native, 1)
}

func TestLabelsOfTheGroupAreRenamedOrLeftOut(t *testing.T) {
	all := NewSiblings(Options{ConstLabels: map[string]string{"region": "eu"}}, []string{"job", "region"}, nil)
	s := all.NewStore(map[string]string{"job": "shop/cart"})
	md := gauge("x", 1, "job", "j", "exported_job", "e")
	res := md.ResourceMetrics().At(0).Resource().Attributes()
	res.PutStr("service.namespace", "shop")
	res.PutStr("service.name", "cart")
	res.PutStr("service.instance.id", "1")
	requireAccepted(t, s, md)
	res.PutStr("service.name", "other")
	requireAccepted(t, s, gauge("y", 1, "job", "plain"))
	out := s.AddResource(md.ResourceMetrics().At(0))
	require.Equal(t, 1, out.Accepted)
	assert.Equal(t, map[string]float64{
		`{__name__="x", exported_job="e;j", exported_region="eu", instance="1"}`:            1,
		`{__name__="x", exported_job="shop/other;e;j", exported_region="eu", instance="1"}`: 1,
		`{__name__="y", exported_job="plain", exported_region="eu"}`:                        1,
	}, pushed(t, s).values)
}

func TestSiblingsShareTheBoundOnMemory(t *testing.T) {
	all := NewSiblings(Options{MaxMemory: 4000}, nil, nil)
	a, b := all.NewStore(nil), all.NewStore(nil)
	requireAccepted(t, a, gauge("x", 1, "a", "b"))
	for _, name := range []string{"y", "z", "u", "v"} {
		a.Add(gauge(name, 1))
	}
	assert.Equal(t, map[Reason]int{ReasonMaxMemory: 1}, b.Add(gauge("x", 1)).Refused)
	a.Close()
	requireAccepted(t, b, gauge("x", 1))
}
