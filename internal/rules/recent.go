package rules

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/series"
)

// recent is what series were when a point of theirs was last let through. The zero value remembers nothing.
type recent struct {
	numbers *series.Cache[lastNumber]
	// pending, if not nil, holds back what is to be remembered, for the batch may be walked once more.
	pending map[series.Fingerprint]lastNumber
}

// lastNumber is what a series was last.
type lastNumber struct {
	start, time pcommon.Timestamp
	bits        uint64
	float       bool
}

// memory is what is known of the series of a point.
type memory struct {
	series series.Fingerprint
	last   lastNumber
	// known says that last is what the point follows: not if the series begins anew, or the point comes late or again.
	known bool
	// late says that the point is not newer than what is remembered.
	late bool
}

func (r recent) recall(at *place, p pmetric.NumberDataPoint) memory {
	if r.numbers == nil {
		return memory{}
	}
	key := appendShared(nil, at.rm.SchemaUrl(), 0, at.rm.Resource().Attributes())
	key = appendMetric(appendScope(key, at.sm), at.m)
	m := memory{series: series.FingerprintOf(series.AppendExact(key, p.Attributes()))}
	m.last, m.known = r.pending[m.series]
	if !m.known {
		m.last, m.known = r.numbers.Get(m.series)
	}
	m.late = m.known && p.Timestamp() != 0 && p.Timestamp() <= m.last.time
	m.known = m.known && !m.late && m.last.start == p.StartTimestamp() && m.last.float == isDouble(p)
	return m
}

// remember takes note of a point as it is let through. NaN is not to be compared with.
func (r recent) remember(m memory, p pmetric.NumberDataPoint) {
	if r.numbers == nil || m.late || isDouble(p) && math.IsNaN(p.DoubleValue()) {
		return
	}
	last := lastNumber{start: p.StartTimestamp(), time: p.Timestamp(), float: isDouble(p), bits: uint64(p.IntValue())}
	if last.float {
		last.bits = math.Float64bits(p.DoubleValue())
	}
	if r.pending != nil {
		r.pending[m.series] = last
		return
	}
	r.numbers.Put(m.series, last)
}

// settle remembers what was pending.
func (r recent) settle() {
	for f, last := range r.pending {
		r.numbers.Put(f, last)
	}
}

func isDouble(p pmetric.NumberDataPoint) bool {
	return p.ValueType() == pmetric.NumberDataPointValueTypeDouble
}
