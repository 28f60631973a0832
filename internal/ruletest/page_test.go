package ruletest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"

	"github.com/sluice-metrics/sluice/internal/promtext"
	_ "github.com/sluice-metrics/sluice/internal/proof"
	"github.com/sluice-metrics/sluice/internal/rules/rulestest"
)

var oddTexts = []string{"", "plain", "with \"quotes\"", `back\slash`, "two\nlines", "dots.and-more", "ümläut", "{a=\"b\",c=1} # x"}

// drawOdd is a random batch with names and texts that need escapes.
func drawOdd(t *rapid.T) pmetric.Metrics {
	md := rulestest.Draw(t, 1)
	odd := rapid.SampledFrom(oddTexts)
	for _, rm := range md.ResourceMetrics().All() {
		rm.Resource().Attributes().PutStr("odd.key", odd.Draw(t, "resource"))
		rm.Resource().Attributes().PutStr("plain", odd.Draw(t, "resource"))
		for _, sm := range rm.ScopeMetrics().All() {
			sm.Scope().SetVersion(odd.Draw(t, "version"))
			for _, m := range sm.Metrics().All() {
				m.SetDescription(odd.Draw(t, "description"))
				m.SetName(m.Name() + rapid.SampledFrom([]string{"", ".dotted", ` "x"`}).Draw(t, "name"))
			}
		}
	}
	for _, p := range rulestest.Points(md) {
		if rapid.Bool().Draw(t, "odd") {
			p.Attributes.PutStr("odd.label", odd.Draw(t, "label"))
			p.Attributes.PutStr("odd", odd.Draw(t, "label"))
		}
	}
	return md
}

// What is printed must be what can be expected.
func TestPrintedOutcomeReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		md := drawOdd(t)
		text := pageOf(md).text()
		again, err := parse(text)
		require.NoError(t, err, text)
		assert.Empty(t, compareText(again, md), text)
		assert.Len(t, again.samples, len(pageOf(md).samples))
	})
}

func TestEachChangeOfAPointIsADifference(t *testing.T) {
	for name, change := range map[string]func(rulestest.Point){
		"label":    func(p rulestest.Point) { p.Attributes.PutStr("new", "x") },
		"resource": func(p rulestest.Point) { p.Resource.Attributes().PutStr("new", "x") },
		"scope":    func(p rulestest.Point) { p.Scope.SetVersion("2") },
		"unit":     func(p rulestest.Point) { p.Metric.SetUnit("By") },
		"name":     func(p rulestest.Point) { p.Metric.SetName("new") },
		"help":     func(p rulestest.Point) { p.Metric.SetDescription("new") },
		"type": func(p rulestest.Point) {
			if p.Metric.Type() == pmetric.MetricTypeSum {
				p.Metric.Sum().SetIsMonotonic(!p.Metric.Sum().IsMonotonic())
			} else {
				p.Metric.SetEmptyGauge().DataPoints().AppendEmpty()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := described()
			page, err := parse(pageOf(want).text())
			require.NoError(t, err)
			for i := 0; i < want.DataPointCount(); i += 4 { // all kinds, not all points
				md := described()
				change(rulestest.Points(md)[i])
				require.NotEmpty(t, compareText(page, md))
				d, err := compareOTLP(want, md)
				require.NoError(t, err)
				require.NotEmpty(t, d)
			}
		})
	}
}

func described() pmetric.Metrics {
	md := rulestest.Metrics()
	for _, p := range rulestest.Points(md) {
		p.Metric.SetDescription("help")
	}
	return md
}

func TestOTLPIsComparedInAnyOrder(t *testing.T) {
	md := rulestest.Metrics()
	turned := pmetric.NewMetrics()
	for i := range md.ResourceMetrics().Len() {
		rm := turned.ResourceMetrics().AppendEmpty()
		md.ResourceMetrics().At(md.ResourceMetrics().Len() - 1 - i).CopyTo(rm)
		attributes := pcommon.NewMap()
		for _, key := range []string{"team", "env"} {
			if v, ok := rm.Resource().Attributes().Get(key); ok {
				v.CopyTo(attributes.PutEmpty(key))
			}
		}
		attributes.CopyTo(rm.Resource().Attributes())
	}
	d, err := compareOTLP(md, turned)
	require.NoError(t, err)
	assert.Empty(t, d)
}

// What holds no points is no point, and yet something.
func TestOTLPTellsEmptyThings(t *testing.T) {
	md := pmetric.NewMetrics()
	md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetName("shell")
	md.ResourceMetrics().AppendEmpty()
	lines, err := otlpLines(md)
	require.NoError(t, err)
	assert.Equal(t, []string{`{"name":"shell"} in {"scope":{}} in {"resource":{}}`, `{"resource":{}}`}, lines)
}

func TestExpectedTextIsReadAsPeopleWriteIt(t *testing.T) {
	p, err := parse(`
# TYPE a untyped
# a remark
a{x="1", b="2",} 1.0
h_bucket{le="1.0"} 1e1 1500
s{quantile="0.50"} NaN
# RESOURCE {service.name="a,b.c=1", "k\"k"="v"}
  {"dotted.name", x="1"} 5
# EOF`)
	require.NoError(t, err)
	assert.Equal(t, []string{
		`a{b="2",x="1"} 1 0 of resource {}`, `h_bucket{le="1"} 10 1500 of resource {}`, `s{quantile="0.5"} NaN 0 of resource {}`,
		`{"dotted.name",x="1"} 5 0 of resource {"k\"k"="v","service.name"="a,b.c=1"}`,
	}, p.lines(p))
	assert.Equal(t, []string{"# TYPE a gauge"}, p.factLines(p))
}

func TestBadExpectedTextNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"a 1\nb{ 1":           `line 2: `,
		"a 1\n\na x":          `line 3: `,
		"# RESOURCE a=1":      `line 1: labels in braces were expected, as in {service.name="shop"}: "# RESOURCE a=1"`,
		"# RESOURCE {a=1}":    `line 1: a quoted label value was expected`,
		"# TYPE":              `line 1: the name of a metric was expected`,
		`# TYPE "open gauge`:  `line 1: the name of a metric was expected`,
		"a{b=\"c\"} 1 2 3\n ": `line 1: `,
	} {
		_, err := parse(text)
		require.ErrorContains(t, err, want, text)
		var syntax *promtext.SyntaxError
		require.ErrorAs(t, err, &syntax)
	}
}
