package rulestest

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"
)

// chooser decides between n possibilities, from 0 to n-1.
type chooser func(n int) int

var (
	names  = []string{"go_threads", "http_requests", "http_latency", "rpc_size"}
	scopes = []string{"http", "db", ""}
	envs   = []string{"dev", "prod", ""}
	codes  = []string{"200", "500", ""}
)

// Metrics is a fixed batch: several resources and scopes, every metric type, integer and floating-point values.
// No level of it is empty.
func Metrics() pmetric.Metrics {
	b := builder{choose: func() chooser {
		n := uint32(1)
		return func(of int) int {
			n = n*1103515245 + 12345
			return int(n>>16) % of
		}
	}()}
	md := pmetric.NewMetrics()
	for range 3 {
		rm := b.resource(md)
		for range 2 {
			sm := b.scope(rm)
			for kind := range kinds {
				m := b.metric(sm, kind)
				for range 3 {
					b.point(m, kind)
				}
			}
		}
	}
	return md
}

// Draw is a random batch with at least the given number of elements, 0 or 1, inside each resource, scope and metric.
func Draw(t *rapid.T, least int) pmetric.Metrics {
	b := builder{choose: func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") }}
	some := func(what string) int { return rapid.IntRange(least, 3).Draw(t, what) }
	md := pmetric.NewMetrics()
	for range some("resources") {
		rm := b.resource(md)
		for range some("scopes") {
			sm := b.scope(rm)
			for range some("metrics") {
				kind := b.choose(kinds)
				m := b.metric(sm, kind)
				for range some("points") {
					b.point(m, kind)
				}
			}
		}
	}
	return md
}

// The kinds of metric; a number's type is decided per point.
const (
	gauge = iota
	sum
	histogram
	exponential
	summary
	kinds
)

type builder struct {
	choose chooser
	id     int64
}

func (b *builder) resource(md pmetric.Metrics) pmetric.ResourceMetrics {
	rm := md.ResourceMetrics().AppendEmpty()
	b.put(rm.Resource().Attributes(), "env", envs)
	b.put(rm.Resource().Attributes(), "team", []string{"", "infra"})
	return rm
}

func (b *builder) scope(rm pmetric.ResourceMetrics) pmetric.ScopeMetrics {
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(scopes[b.choose(len(scopes))])
	return sm
}

func (b *builder) metric(sm pmetric.ScopeMetrics, kind int) pmetric.Metric {
	m := sm.Metrics().AppendEmpty()
	m.SetName(names[b.choose(len(names))])
	m.SetUnit("1")
	switch kind {
	case gauge:
		m.SetEmptyGauge()
	case sum:
		m.SetEmptySum().SetIsMonotonic(true)
		m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	case histogram:
		m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	case exponential:
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	case summary:
		m.SetEmptySummary()
	}
	return m
}

func (b *builder) point(m pmetric.Metric, kind int) {
	switch kind {
	case gauge:
		b.number(m.Gauge().DataPoints().AppendEmpty())
	case sum:
		b.number(m.Sum().DataPoints().AppendEmpty())
	case histogram:
		b.histogram(m.Histogram().DataPoints().AppendEmpty())
	case exponential:
		b.exponential(m.ExponentialHistogram().DataPoints().AppendEmpty())
	case summary:
		b.summary(m.Summary().DataPoints().AppendEmpty())
	}
}

func (b *builder) number(p pmetric.NumberDataPoint) {
	b.attributes(p.Attributes())
	b.exemplars(p.Exemplars())
	p.SetTimestamp(1_700_000_000_000_000_000)
	if b.choose(2) == 0 {
		p.SetIntValue(b.id)
		return
	}
	p.SetDoubleValue(float64(b.id) / 4)
}

func (b *builder) histogram(p pmetric.HistogramDataPoint) {
	b.attributes(p.Attributes())
	b.exemplars(p.Exemplars())
	p.ExplicitBounds().FromRaw([]float64{1, 5})
	p.BucketCounts().FromRaw([]uint64{1, 2, 3})
	p.SetCount(6)
	p.SetSum(float64(b.id))
}

func (b *builder) exponential(p pmetric.ExponentialHistogramDataPoint) {
	b.attributes(p.Attributes())
	p.SetScale(2)
	p.Positive().BucketCounts().FromRaw([]uint64{4, 1})
	p.SetCount(5)
	p.SetSum(float64(b.id))
}

func (b *builder) summary(p pmetric.SummaryDataPoint) {
	b.attributes(p.Attributes())
	p.SetCount(2)
	p.SetSum(float64(b.id))
	q := p.QuantileValues().AppendEmpty()
	q.SetQuantile(0.5)
	q.SetValue(3)
}

// exemplars are two at every third point.
func (b *builder) exemplars(s pmetric.ExemplarSlice) {
	if b.id%3 != 0 {
		return
	}
	s.AppendEmpty().SetIntValue(b.id)
	e := s.AppendEmpty()
	e.SetDoubleValue(float64(b.id) / 2)
	e.FilteredAttributes().PutStr("user", "u")
}

func (b *builder) attributes(m pcommon.Map) {
	b.id++
	m.PutInt(idKey, b.id)
	b.put(m, "env", envs)
	b.put(m, "code", codes)
}

// put sets key to one of the values, or not at all if it is the empty one.
func (b *builder) put(m pcommon.Map, key string, values []string) {
	if v := values[b.choose(len(values))]; v != "" {
		m.PutStr(key, v)
	}
}
