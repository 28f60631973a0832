package rulestest

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/xpdata"
	"pgregory.net/rapid"
)

// Rich is a random batch with all that OTLP can hold and senders send: every type of metric and of attribute, nested
// values, keys that occur twice, the same series twice, exemplars, flags, values at the edges, and shells of which nothing
// fills any level.
func Rich(t *rapid.T) pmetric.Metrics {
	r := rich{t: t, shells: rapid.IntRange(0, 3).Draw(t, "shells") == 0}
	md := pmetric.NewMetrics()
	for range r.some(2) {
		rm := md.ResourceMetrics().AppendEmpty()
		rm.SetSchemaUrl(r.text())
		r.attributes(rm.Resource().Attributes(), 3)
		for range r.some(2) {
			sm := rm.ScopeMetrics().AppendEmpty()
			sm.Scope().SetName(one(&r, scopes))
			sm.Scope().SetVersion(r.text())
			r.attributes(sm.Scope().Attributes(), 1)
			for range r.some(3) {
				r.metric(sm.Metrics().AppendEmpty())
			}
		}
	}
	return md
}

// HasShells reports whether any level of a batch is empty.
func HasShells(md pmetric.Metrics) bool {
	full := md.ResourceMetrics().Len() > 0
	for _, rm := range md.ResourceMetrics().All() {
		full = full && rm.ScopeMetrics().Len() > 0
		for _, sm := range rm.ScopeMetrics().All() {
			full = full && sm.Metrics().Len() > 0
			for _, m := range sm.Metrics().All() {
				full = full && len(attributesOf(m)) > 0
			}
		}
	}
	return !full
}

type rich struct {
	t      *rapid.T
	shells bool
	id     int64
}

func (r *rich) below(n int) int { return rapid.IntRange(0, n-1).Draw(r.t, "choice") }

func one[T any](r *rich, list []T) T { return list[r.below(len(list))] }

// some is a number of elements, 0 only where shells are.
func (r *rich) some(most int) int {
	if r.shells {
		return r.below(most + 1)
	}
	return 1 + r.below(most)
}

func (r *rich) text() string { return one(r, []string{"", "", "http_requests", "dev", "Ünïcode"}) }

func (r *rich) metric(m pmetric.Metric) {
	m.SetName(one(r, names))
	m.SetUnit(one(r, []string{"1", "s", ""}))
	m.SetDescription(r.text())
	if r.below(4) == 0 {
		r.attributes(m.Metadata(), 1)
	}
	temporality := pmetric.AggregationTemporality(r.below(3))
	kind := r.below(kinds + 1)
	switch kind {
	case gauge:
		m.SetEmptyGauge()
	case sum:
		m.SetEmptySum().SetIsMonotonic(r.below(2) == 0)
		m.Sum().SetAggregationTemporality(temporality)
	case histogram:
		m.SetEmptyHistogram().SetAggregationTemporality(temporality)
	case exponential:
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(temporality)
	case summary:
		m.SetEmptySummary()
	case kinds:
		if !r.shells {
			m.SetEmptyGauge()
			kind = gauge
		}
	}
	for range r.some(4) {
		r.point(m, kind)
	}
}

func (r *rich) point(m pmetric.Metric, kind int) {
	switch kind {
	case gauge:
		r.number(m.Gauge().DataPoints())
	case sum:
		r.number(m.Sum().DataPoints())
	case histogram:
		r.histogram(m.Histogram().DataPoints().AppendEmpty())
	case exponential:
		r.exponential(m.ExponentialHistogram().DataPoints().AppendEmpty())
	case summary:
		r.summary(m.Summary().DataPoints().AppendEmpty())
	}
}

// number adds a point, or the last once more with another value.
func (r *rich) number(s pmetric.NumberDataPointSlice) {
	p := s.AppendEmpty()
	if s.Len() > 1 && r.below(4) == 0 {
		s.At(s.Len() - 2).CopyTo(p)
	} else {
		r.attributes(p.Attributes(), 4)
	}
	r.exemplars(p.Exemplars())
	r.times(p)
	p.SetFlags(pmetric.DataPointFlags(r.below(2)))
	switch r.below(5) {
	case 0, 1:
		p.SetIntValue(one(r, []int64{0, 1, 5, -3, math.MaxInt64, math.MinInt64}))
	case 2, 3:
		p.SetDoubleValue(one(r, []float64{0, 1.5, -2, math.Inf(1), math.NaN(), math.MaxFloat64}))
	}
}

func (r *rich) times(p interface {
	SetTimestamp(pcommon.Timestamp)
	SetStartTimestamp(pcommon.Timestamp)
},
) {
	p.SetTimestamp(one(r, []pcommon.Timestamp{0, 1_700_000_000_000_000_000}))
	p.SetStartTimestamp(one(r, []pcommon.Timestamp{0, 1_600_000_000_000_000_000}))
}

func (r *rich) histogram(p pmetric.HistogramDataPoint) {
	r.attributes(p.Attributes(), 3)
	r.exemplars(p.Exemplars())
	r.times(p)
	p.ExplicitBounds().FromRaw([]float64{1, 5})
	p.BucketCounts().FromRaw([]uint64{uint64(r.below(3)), 2, 3})
	p.SetCount(6)
	if r.below(2) == 0 {
		p.SetSum(12.5)
		p.SetMin(0)
		p.SetMax(9)
	}
}

func (r *rich) exponential(p pmetric.ExponentialHistogramDataPoint) {
	r.attributes(p.Attributes(), 3)
	r.exemplars(p.Exemplars())
	r.times(p)
	p.SetScale(int32(r.below(4) - 1))
	p.SetZeroCount(1)
	p.Positive().SetOffset(1)
	p.Positive().BucketCounts().FromRaw([]uint64{4, 0, 1})
	p.SetCount(6)
	if r.below(2) == 0 {
		p.SetSum(7)
		p.SetMin(0)
		p.SetMax(5)
	}
}

func (r *rich) summary(p pmetric.SummaryDataPoint) {
	r.attributes(p.Attributes(), 3)
	r.times(p)
	p.SetCount(uint64(r.below(3)))
	p.SetSum(4.5)
	for i := range r.below(3) {
		q := p.QuantileValues().AppendEmpty()
		q.SetQuantile(float64(i) / 2)
		q.SetValue(3)
	}
}

func (r *rich) exemplars(s pmetric.ExemplarSlice) {
	if r.below(4) > 0 {
		return
	}
	for range 1 + r.below(2) {
		e := s.AppendEmpty()
		r.attributes(e.FilteredAttributes(), 2)
		e.SetTimestamp(1_700_000_000_000_000_000)
		if r.below(2) == 0 {
			e.SetIntValue(3)
		} else {
			e.SetDoubleValue(2.5)
		}
		e.SetTraceID([16]byte{1, 2})
		e.SetSpanID([8]byte{3})
	}
}

func (r *rich) attributes(m pcommon.Map, most int) {
	for range r.below(most + 1) {
		r.attribute(m)
	}
	if m.Len() > 0 && r.below(15) == 0 {
		r.twice(m)
	}
}

func (r *rich) attribute(m pcommon.Map) {
	switch r.below(12) {
	case 0, 1, 2:
		m.PutStr("env", one(r, []string{"dev", "prod", "Ünïcode", ""}))
	case 3, 4:
		m.PutStr("code", one(r, []string{"200", "500"}))
	case 5:
		r.id++
		m.PutInt("id", r.id)
	case 6:
		m.PutInt("n", int64(r.below(3)))
	case 7:
		m.PutDouble("f", one(r, []float64{0, 1.5, math.NaN()}))
	case 8:
		m.PutBool("b", r.below(2) == 0)
	case 9:
		nested := m.PutEmptyMap("nested")
		nested.PutStr("env", one(r, envs))
		nested.PutInt("n", 1)
	case 10:
		list := m.PutEmptySlice("list")
		list.AppendEmpty().SetStr(one(r, envs))
		list.AppendEmpty().SetInt(2)
	case 11:
		switch r.below(3) {
		case 0:
			m.PutEmpty("team")
		case 1:
			m.PutEmptyBytes("bytes").FromRaw([]byte{0, 1, 2, 3, 4, 5, 6, 7})
		case 2:
			m.PutStr("team", "infra")
		}
	}
}

// twice repeats a key with another value: no method of a map does, but one that is unmarshalled may hold it.
func (r *rich) twice(m pcommon.Map) {
	var b xpdata.MapBuilder
	again := r.below(m.Len())
	i := 0
	for key, value := range m.All() {
		value.CopyTo(b.AppendEmpty(key))
		if i == again {
			b.AppendEmpty(key).SetStr("again")
		}
		i++
	}
	b.UnsafeIntoMap(m)
}
