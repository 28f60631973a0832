package inprocess

import (
	"bytes"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	mustJoin = "the specification: values of keys that become one label MUST be joined with ; in the order of the keys"
	mustDrop = "the specification: what has no Prometheus form MUST be dropped"
)

// Metrics that contrib loses, or that make it lose others.
func TestPullFaults_LostMetrics(t *testing.T) {
	requireDifferences(t, []difference{
		{
			name: "attributes collide", why: mustJoin,
			input:  of1(gauge("g", 1, "a_b", "underscore", "a.b", "dot")),
			sluice: []string{`{__name__="g", a_b="dot;underscore"} 1`},
		},
		{
			name: "attribute is called job", why: mustJoin,
			input:  []pmetric.Metrics{of([]string{"service.name", "cart"}, gauge("g", 1, "job", "mine"))},
			sluice: []string{`{__name__="g", job="cart;mine"} 1`},
		},
		{
			name: "attribute le", why: "Prometheus refuses a whole page for one label that is there twice",
			input:   []pmetric.Metrics{of(nil, gauge("other", 1), histogram("h", cumulative, 0, 10, "le", "x"))},
			contrib: []string{"label le: twice on the page"},
			sluice: []string{
				`{__name__="h_seconds_bucket", exported_le="x", le="+Inf"} 3`,
				`{__name__="h_seconds_bucket", exported_le="x", le="1.0"} 1`,
				`{__name__="h_seconds_bucket", exported_le="x", le="5.0"} 1`,
				`{__name__="h_seconds_count", exported_le="x"} 3`,
				`{__name__="h_seconds_sum", exported_le="x"} 20.5`,
				`{__name__="other"} 1`,
			},
		},
		{
			name: "attribute quantile", why: "Prometheus itself prefixes what it must rename with exported_",
			input: []pmetric.Metrics{of(nil, gauge("other", 1), edited(summary("s"), func(m pmetric.Metric) {
				m.Summary().DataPoints().At(0).Attributes().PutStr("quantile", "x")
				m.Summary().DataPoints().At(0).QuantileValues().RemoveIf(func(pmetric.SummaryDataPointValueAtQuantile) bool { return true })
			}))},
			contrib: []string{`{__name__="other"} 1`},
			sluice: []string{
				`{__name__="other"} 1`,
				`{__name__="s_milliseconds_count", exported_quantile="x"} 10`,
				`{__name__="s_milliseconds_sum", exported_quantile="x"} 55.5`,
			},
		},
		{
			name: "points after a stale one", why: "a stale point is the end of its own series only",
			input: of2(gauge("g", 1, "i", "1"), func(m pmetric.Metric) {
				m.SetName("g")
				points := m.SetEmptyGauge().DataPoints()
				addGauge(points, 0, "i", "1").SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
				addGauge(points, 2, "i", "2")
			}),
			sluice: []string{`{__name__="g", i="2"} 2`},
		},
		{
			name: "series keys with a star", why: "the labels differ",
			input:   of2(gauge("g", 1, "a", "x*b*y"), gauge("g", 2, "a", "x", "b", "y")),
			contrib: []string{`{__name__="g", a="x", b="y"} 2`},
			sluice:  []string{`{__name__="g", a="x", b="y"} 2`, `{__name__="g", a="x*b*y"} 1`},
		},
		{
			name: "attribute without a name", why: "a label is no reason to lose a metric",
			input:  of1(gauge("g", 1, "_", "x")),
			sluice: []string{`{__name__="g", key_="x"} 1`},
		},
		{
			name: "invalid UTF-8", why: "U+FFFD stands for what is no text, and Prometheus takes it",
			input:  of1(gauge("g", 1, "bad", "a\xffb")),
			sluice: []string{"{__name__=\"g\", bad=\"a\uFFFDb\"} 1"},
		},
		{
			name: "reserved scope attribute", why: "the specification: scope attributes that become a reserved label MUST be dropped",
			input: func() []pmetric.Metrics {
				md := of(nil, gauge("g", 1))
				sm := md.ResourceMetrics().At(0).ScopeMetrics().At(0)
				sm.SetSchemaUrl("https://real")
				sm.Scope().Attributes().PutStr("schema.url", "fake")
				return []pmetric.Metrics{md}
			}(),
			sluice: []string{`{__name__="g", otel_scope_schema_url="https://real"} 1`},
		},
		{
			name: "attribute called as a constant label", why: mustJoin,
			conf:   map[string]any{"const_labels": map[string]any{"region": "eu"}},
			input:  of1(gauge("g", 1, "region", "us")),
			sluice: []string{`{__name__="g", region="eu;us"} 1`},
		},
	})
}

// Types and units that contrib does not tell.
func TestPullFaults_Types(t *testing.T) {
	const honoured = "the specification: prometheus.type says what the metric was"
	requireDifferences(t, []difference{
		{
			name: "unknown", why: honoured, show: page.describes,
			input:   of1(typed(gauge("g", 1), "unknown")),
			contrib: []string{"type g gauge"},
			sluice:  []string{"type g unknown"},
		},
		{
			name: "info", why: honoured, format: openMetrics, show: page.describes,
			input:   of1(typed(edited(counter("build_info", cumulative, 0, 10, 1), upDown), "info")),
			contrib: []string{"type build_info gauge"},
			sluice:  []string{"type build info"},
		},
		{
			name: "stateset", why: honoured, format: openMetrics, show: page.describes,
			input:   of1(typed(gauge("state", 1, "state", "on"), "stateset")),
			contrib: []string{"type state gauge"},
			sluice:  []string{"type state stateset"},
		},
		{
			name: "target_info", why: "the specification: it is an info where there is such a type", format: openMetrics, show: page.describes,
			input:   []pmetric.Metrics{of(target, gauge("g", 1))},
			contrib: []string{`help target_info "Target metadata"`, "type g gauge", "type target_info gauge"},
			sluice:  []string{`help target "Target metadata"`, "type g gauge", "type target info"},
		},
		{
			name: "unit", why: "the specification: UNIT SHOULD be told", format: openMetrics, show: page.describes,
			input:   of1(histogram("h", cumulative, 0, 10)),
			contrib: []string{"type h_seconds histogram"},
			sluice:  []string{"type h_seconds histogram", "unit h_seconds seconds"},
		},
		{
			name: "counter without suffix", why: "OpenMetrics has no such counter, and text tells its type",
			conf:   map[string]any{"translation_strategy": "NoTranslation"},
			format: format{name: openMetrics.name, accept: openMetrics.accept + ",text/plain;version=0.0.4;q=0.5", encoding: "identity"},
			show:   page.describes, input: of1(counter("c", cumulative, 0, 10, 1)),
			contrib: []string{"type c unknown"},
			sluice:  []string{"type c counter"},
		},
		{
			name: "counter beside a gauge of its base name", why: "OpenMetrics: two families MUST NOT have one name", format: openMetrics,
			conf: map[string]any{"without_scope_info": true},
			input: []pmetric.Metrics{of(nil, gauge("x", 1), edited(counter("x", cumulative, 0, 10, 2), func(m pmetric.Metric) {
				m.Sum().DataPoints().At(0).SetStartTimestamp(0)
			}))},
			show: page.raw,
			contrib: []string{
				"# HELP x \n", "# TYPE x gauge\n", "x 1.0\n", "# HELP x \n", "# TYPE x counter\n", "x_total 2.0\n", "# EOF\n",
			},
			sluice: []string{"# TYPE x gauge\n", "x 1\n", "# TYPE x_total unknown\n", "x_total 2\n", "# EOF\n"},
		},
		{
			name: "filtered attributes of exemplars", why: "the specification: they MUST be included", format: openMetrics,
			input: of1(edited(counter("c", cumulative, 0, 10, 1), func(m pmetric.Metric) {
				withExemplar(m)
				m.Sum().DataPoints().At(0).Exemplars().At(0).FilteredAttributes().PutStr("user", "u1")
			})),
			contrib: []string{`{__name__="c_total"} 1{span_id="0300000000000000", trace_id="01020000000000000000000000000000"} 1 @1700000005000`},
			sluice:  []string{`{__name__="c_total"} 1{span_id="0300000000000000", trace_id="01020000000000000000000000000000", user="u1"} 1 @1700000005000`},
		},
		{
			name: "exemplars of earlier points", why: "a scrape comes less often than points; OpenMetrics asks for no newer one", format: openMetrics,
			input:   of2(edited(counter("c", delta, 0, 10, 1), withExemplar), counter("c", delta, 10, 20, 1)),
			contrib: []string{`{__name__="c_total"} 2`},
			sluice:  []string{`{__name__="c_total"} 2{span_id="0300000000000000", trace_id="01020000000000000000000000000000"} 1 @1700000005000`},
		},
	})
}

// typed gives a metric the type that it had in Prometheus.
func typed(fill func(pmetric.Metric), typ string) func(pmetric.Metric) {
	return edited(fill, func(m pmetric.Metric) { m.Metadata().PutStr("prometheus.type", typ) })
}

// Values that contrib gets wrong, or makes up.
func TestPullFaults_Values(t *testing.T) {
	requireDifferences(t, []difference{
		{
			name: "misaligned delta", why: "the specification: it is dropped; a counter that falls would count as started anew",
			input:   of2(counter("c", delta, 0, 10, 10), counter("c", delta, 5, 20, 7)),
			contrib: []string{`{__name__="c_total"} 7`},
			sluice:  []string{`{__name__="c_total"} 10`},
		},
		{
			name: "deltas of integers and then of floats", why: "to Prometheus all are floats, and 20 were counted",
			input: of2(counter("c", delta, 0, 10, 10), edited(counter("c", delta, 10, 20, 0), func(m pmetric.Metric) {
				m.Sum().DataPoints().At(0).SetDoubleValue(10)
			})),
			contrib: []string{`{__name__="c_total"} 10`},
			sluice:  []string{`{__name__="c_total"} 20`},
		},
		{
			name: "unspecified temporality", why: mustDrop, show: counts,
			input:   of1(histogram("h", pmetric.AggregationTemporalityUnspecified, 0, 10)),
			contrib: []string{`{__name__="h_seconds_count"} 3`},
		},
		{
			name: "histogram without sum", why: "0 would be a sum; NaN is none", show: sums,
			input: of1(edited(histogram("h", cumulative, 0, 10), func(m pmetric.Metric) {
				m.Histogram().DataPoints().At(0).RemoveSum()
			})),
			contrib: []string{`{__name__="h_seconds_sum"} 0`},
			sluice:  []string{`{__name__="h_seconds_sum"} NaN`},
		},
		{
			name: "gauge without a number", why: "nothing was measured",
			input: of1(func(m pmetric.Metric) {
				m.SetName("g")
				m.SetEmptyGauge().DataPoints().AppendEmpty()
			}),
			contrib: []string{`{__name__="g"} 0`},
		},
		{
			name: "negative counter", why: "OpenMetrics: a counter MUST NOT be negative",
			input:   of1(counter("c", cumulative, 0, 10, -1)),
			contrib: []string{`{__name__="c_total"} -1`},
		},
		{
			name: "counts that do not fit the bounds", why: "buckets of nobody knows what are worse than none", show: counts,
			input: of1(edited(histogram("h", cumulative, 0, 10), func(m pmetric.Metric) {
				m.Histogram().DataPoints().At(0).BucketCounts().FromRaw([]uint64{3})
			})),
			contrib: []string{`{__name__="h_seconds_count"} 3`},
		},
	})
}

func counts(p page) []string { return p.named("_count") }

func sums(p page) []string { return p.named("_sum") }

func TestPullFaults_ExponentialHistograms(t *testing.T) {
	requireDifferences(t, []difference{
		{
			name: "deltas of two scales", why: "5, 1 and 1 at scale 1 are 5 and 2 at scale 0", format: protobuf,
			input:  of2(startingAt(1, exponential("h", delta, 0, 10, 1, 5, 1, 1)), exponential("h", delta, 10, 20, 0, 1)),
			sluice: []string{`{__name__="h"} {count:8, sum:0, (1,2]:6, (2,4]:2} schema 0 threshold 1e-128 since 1700000000000`},
		},
		{
			name: "deltas of two zero thresholds", why: "Prometheus merges buckets that the threshold reaches into the zero bucket", format: protobuf,
			input: of2(exponential("h", delta, 0, 10, 2, 5, 1), edited(exponential("h", delta, 10, 20, 2, 1), func(m pmetric.Metric) {
				m.ExponentialHistogram().DataPoints().At(0).SetZeroThreshold(1.2)
			})),
			contrib: []string{`{__name__="h"} {count:7, sum:0, (1,1.189207115002721]:6, (1.189207115002721,1.414213562373095]:1} ` +
				`schema 2 threshold 1.2 since 1700000000000`},
			sluice: []string{`{__name__="h"} {count:7, sum:0, [-1.414213562373095,1.414213562373095]:7} ` +
				`schema 2 threshold 1.414213562373095 since 1700000000000`},
		},
		{
			name: "no start time", why: "nothing began in the year 1", format: protobuf,
			input: of1(edited(exponential("h", cumulative, 0, 10, 0, 1), func(m pmetric.Metric) {
				m.ExponentialHistogram().DataPoints().At(0).SetStartTimestamp(0)
			})),
			contrib: []string{`{__name__="h"} {count:1, sum:0, (1,2]:1} schema 0 threshold 1e-128 since -62135596800000`},
			sluice:  []string{`{__name__="h"} {count:1, sum:0, (1,2]:1} schema 0 threshold 1e-128`},
		},
		{
			name: "no sum", why: mustDrop, format: protobuf,
			input: of1(edited(exponential("h", cumulative, 0, 10, 0, 1), func(m pmetric.Metric) {
				m.ExponentialHistogram().DataPoints().At(0).RemoveSum()
			})),
			contrib: []string{`{__name__="h"} {count:1, sum:0, (1,2]:1} schema 0 threshold 1e-128 since 1700000000000`},
		},
		{
			name:    "in text",
			why:     "the specification: it MAY be converted to fixed buckets",
			input:   of1(exponential("h", cumulative, 0, 10, 0, 1, 0, 2)),
			contrib: []string{`{__name__="h_bucket", le="+Inf"} 3`, `{__name__="h_count"} 3`, `{__name__="h_sum"} 0`},
			sluice: []string{
				`{__name__="h_bucket", le="+Inf"} 3`, `{__name__="h_bucket", le="1.0"} 0`, `{__name__="h_bucket", le="2.0"} 1`,
				`{__name__="h_bucket", le="4.0"} 1`, `{__name__="h_bucket", le="8.0"} 3`, `{__name__="h_count"} 3`, `{__name__="h_sum"} 0`,
			},
		},
	})
}

func startingAt(offset int32, fill func(pmetric.Metric)) func(pmetric.Metric) {
	return edited(fill, func(m pmetric.Metric) { m.ExponentialHistogram().DataPoints().At(0).Positive().SetOffset(offset) })
}

// A native histogram without observations needs a span without buckets, or it is told from a classic one by its zero
// threshold alone. Prometheus' parser shows neither.
func TestPullFaults_SpanOfAnEmptyHistogram(t *testing.T) {
	for impl, spans := range map[*pullImpl]int{&pullImpls[1]: 0, &aliasImpl: 1} {
		p := impl.start(t)
		p.add(t, of(nil, exponential("h", cumulative, 0, 10, 0)))
		body := newScraper(t, p, protobuf).scrape(t)
		mf := &dto.MetricFamily{}
		require.NoError(t, expfmt.NewDecoder(bytes.NewReader(body), expfmt.NewFormat(expfmt.TypeProtoDelim)).Decode(mf))
		assert.Len(t, mf.Metric[0].Histogram.PositiveSpan, spans, impl.name)
	}
}

// Of what cannot all be shown contrib shows anything, as its map has no order; ours shows the last value, and the first
// type.
func TestPullFaults_RandomWinners(t *testing.T) {
	for name, c := range map[string]struct {
		input  []pmetric.Metrics
		sluice string
	}{
		"two scopes": {[]pmetric.Metrics{scoped("a", gauge("g", 1)), scoped("b", gauge("g", 2))}, `{__name__="g"} 2`},
		"two types":  {[]pmetric.Metrics{of(nil, gauge("g", 1)), of(nil, edited(counter("g", cumulative, 0, 10, 2), toSummary))}, `{__name__="g"} 1`},
	} {
		t.Run(name, func(t *testing.T) {
			d := difference{input: c.input, conf: map[string]any{"without_scope_info": true}}
			seen := map[string]bool{}
			for range 60 {
				seen[d.shown(t, pullImpls[1])[0]] = true
				require.Equal(t, []string{c.sluice}, d.shown(t, aliasImpl))
			}
			assert.Len(t, seen, 2)
		})
	}
}

func toSummary(m pmetric.Metric) {
	m.SetEmptySummary().DataPoints().AppendEmpty().SetCount(2)
}

func scoped(name string, fill func(pmetric.Metric)) pmetric.Metrics {
	md := of(nil, fill)
	md.ResourceMetrics().At(0).ScopeMetrics().At(0).Scope().SetName(name)
	return md
}
