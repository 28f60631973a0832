package inprocess

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	cumulative = pmetric.AggregationTemporalityCumulative
	delta      = pmetric.AggregationTemporalityDelta
)

// at is a time some seconds after the start of everything.
func at(seconds int) pcommon.Timestamp {
	return pcommon.Timestamp(startNanos + int64(seconds)*1_000_000_000)
}

// target are the resource attributes of an ordinary target.
var target = []string{"service.namespace", "shop", "service.name", "cart", "service.instance.id", "1", "host.name", "h"}

// of is a batch of one metric for each fill, all of one scope of a resource with the given attributes: key, value, ...
func of(resource []string, fills ...func(pmetric.Metric)) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	put(rm.Resource().Attributes(), resource)
	sm := rm.ScopeMetrics().AppendEmpty()
	for _, fill := range fills {
		fill(sm.Metrics().AppendEmpty())
	}
	return md
}

func put(attrs pcommon.Map, pairs []string) {
	for i := 0; i < len(pairs); i += 2 {
		attrs.PutStr(pairs[i], pairs[i+1])
	}
}

// gauge is a gauge of one point.
func gauge(name string, value float64, attrs ...string) func(pmetric.Metric) {
	return func(m pmetric.Metric) {
		m.SetName(name)
		addGauge(m.SetEmptyGauge().DataPoints(), value, attrs...)
	}
}

func addGauge(points pmetric.NumberDataPointSlice, value float64, attrs ...string) pmetric.NumberDataPoint {
	p := points.AppendEmpty()
	p.SetTimestamp(at(10))
	p.SetDoubleValue(value)
	put(p.Attributes(), attrs)
	return p
}

// counter is a monotonic sum of one point, which covers the seconds from start to end.
func counter(name string, temporality pmetric.AggregationTemporality, start, end int, value int64) func(pmetric.Metric) {
	return func(m pmetric.Metric) {
		m.SetName(name)
		m.SetEmptySum().SetIsMonotonic(true)
		m.Sum().SetAggregationTemporality(temporality)
		p := m.Sum().DataPoints().AppendEmpty()
		p.SetStartTimestamp(at(start))
		p.SetTimestamp(at(end))
		p.SetIntValue(value)
	}
}

// histogram is one of bounds 1 and 5, with one point of three values for each list of attributes, and one for none.
func histogram(name string, temporality pmetric.AggregationTemporality, start, end int, attrs ...string) func(pmetric.Metric) {
	return func(m pmetric.Metric) {
		m.SetName(name)
		m.SetUnit("s")
		m.SetEmptyHistogram().SetAggregationTemporality(temporality)
		p := m.Histogram().DataPoints().AppendEmpty()
		p.SetStartTimestamp(at(start))
		p.SetTimestamp(at(end))
		p.ExplicitBounds().FromRaw([]float64{1, 5})
		p.BucketCounts().FromRaw([]uint64{1, 0, 2})
		p.SetCount(3)
		p.SetSum(20.5)
		put(p.Attributes(), attrs)
	}
}

// exponential is an exponential histogram of one point with a value in each of the positive buckets' counts.
func exponential(name string, temporality pmetric.AggregationTemporality, start, end int, scale int32, counts ...uint64) func(pmetric.Metric) {
	return func(m pmetric.Metric) {
		m.SetName(name)
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(temporality)
		p := m.ExponentialHistogram().DataPoints().AppendEmpty()
		p.SetStartTimestamp(at(start))
		p.SetTimestamp(at(end))
		p.SetScale(scale)
		p.Positive().BucketCounts().FromRaw(counts)
		p.SetSum(0)
		for _, n := range counts {
			p.SetCount(p.Count() + n)
		}
	}
}

func summary(name string) func(pmetric.Metric) {
	return func(m pmetric.Metric) {
		m.SetName(name)
		m.SetUnit("ms")
		p := m.SetEmptySummary().DataPoints().AppendEmpty()
		p.SetStartTimestamp(at(0))
		p.SetTimestamp(at(10))
		p.SetCount(10)
		p.SetSum(55.5)
		for _, q := range []float64{0, 0.5, 0.99} {
			v := p.QuantileValues().AppendEmpty()
			v.SetQuantile(q)
			v.SetValue(9 * q)
		}
	}
}

// edited fills a metric and edits it.
func edited(fill, edit func(pmetric.Metric)) func(pmetric.Metric) {
	return func(m pmetric.Metric) {
		fill(m)
		edit(m)
	}
}

func described(fill func(pmetric.Metric), unit, description string) func(pmetric.Metric) {
	return edited(fill, func(m pmetric.Metric) {
		m.SetUnit(unit)
		m.SetDescription(description)
	})
}

// upDown makes a gauge of a counter.
func upDown(m pmetric.Metric) { m.Sum().SetIsMonotonic(false) }

// ordinaryCases hold every type but exponential histograms, cumulative and in deltas that follow each other. Both
// batches have a scope with everything a scope can have.
func ordinaryCases() []pmetric.Metrics {
	first := of(target,
		described(gauge("queue.size", 512.5, "http.route", "/pay", "1st", "x", "quoted", "a\"b\\c\nd"), "By", "Line one\nline two \\ \"quoted\"."),
		described(gauge("cpu.usage", 0.25, "cpu", "0"), "1", ""),
		described(counter("http.requests", cumulative, 0, 10, 7), "{request}", "Requests served."),
		edited(counter("connections.open", cumulative, 0, 10, -3), upDown),
		described(counter("jobs.total", delta, 0, 10, 3), "", "The token total is there already."),
		described(histogram("http.duration", cumulative, 0, 10, "http.route", "/pay"), "s", "Latencies."),
		histogram("http.wait", delta, 0, 10),
		edited(counter("traced", cumulative, 0, 10, 1), withExemplar),
		summary("gc.pause"),
	)
	second := of(target,
		gauge("queue.size", 3, "http.route", "/cart"),
		counter("jobs.total", delta, 10, 20, 4),
		histogram("http.wait", delta, 10, 20),
		counter("http.requests", cumulative, 0, 20, 9),
	)
	for _, md := range []pmetric.Metrics{first, second} {
		fillScope(md.ResourceMetrics().At(0).ScopeMetrics().At(0))
	}
	second.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetUnit("By")
	describeLike(second, first)
	return []pmetric.Metrics{first, second}
}

// describeLike gives the metrics of to what those of from of the same name say of themselves.
func describeLike(to, from pmetric.Metrics) {
	for _, m := range to.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		for _, known := range from.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
			if m.Name() == known.Name() {
				m.SetUnit(known.Unit())
				m.SetDescription(known.Description())
			}
		}
	}
}

func fillScope(sm pmetric.ScopeMetrics) {
	sm.Scope().SetName("shop/instrumentation")
	sm.Scope().SetVersion("1.2.3")
	sm.Scope().Attributes().PutStr("tier", "1")
	sm.SetSchemaUrl("https://opentelemetry.io/schemas/1.37.0")
}

func withExemplar(m pmetric.Metric) {
	e := m.Sum().DataPoints().At(0).Exemplars().AppendEmpty()
	e.SetTraceID(pcommon.TraceID{1, 2})
	e.SetSpanID(pcommon.SpanID{3})
	e.SetTimestamp(at(5))
	e.SetDoubleValue(1)
}

func exponentialCase() pmetric.Metrics {
	return of(target,
		exponential("request.size", cumulative, 0, 10, 2, 1, 0, 0, 0, 3),
		exponential("response.size", cumulative, 0, 10, 12, 1, 2, 3, 4, 5, 6, 7),
	)
}
