package exposition

import (
	"math"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	minSchema = -4
	maxSchema = 8
	// defaultZeroThreshold is what the specification asks for when a point has none.
	defaultZeroThreshold = 1e-128
	// maxSpanGap is how many empty buckets cost less as zero deltas than as a span of their own.
	maxSpanGap = 2
)

func (r *reader) readExponential(h pmetric.ExponentialHistogram) {
	delta, refusal := temporality(h.AggregationTemporality())
	if delta {
		refusal = ReasonDeltaExponentialHistogram
	}
	for _, dp := range h.DataPoints().All() {
		r.add(dp, false, func(m *dto.Metric) Reason {
			if refusal != "" {
				return refusal
			}
			return r.fillNative(m, dp)
		})
	}
}

func (r *reader) fillNative(m *dto.Metric, dp pmetric.ExponentialHistogramDataPoint) Reason {
	switch {
	case dp.Scale() < minSchema:
		return ReasonUnsupportedScale
	case !dp.HasSum():
		return ReasonMissingSum
	}
	schema := min(dp.Scale(), maxSchema)
	shift := dp.Scale() - schema
	positive, okPositive := nativeSide(dp.Positive(), shift)
	negative, okNegative := nativeSide(dp.Negative(), shift)
	if !okPositive || !okNegative || !adds(dp.Count(), positive.total, negative.total, dp.ZeroCount()) {
		return ReasonInvalidHistogram
	}
	h := &dto.Histogram{
		SampleCount:      new(dp.Count()),
		SampleSum:        new(dp.Sum()),
		Schema:           new(schema),
		ZeroThreshold:    new(zeroThreshold(dp)),
		ZeroCount:        new(dp.ZeroCount()),
		Exemplars:        r.names.timedExemplars(dp.Exemplars()),
		CreatedTimestamp: created(dp.StartTimestamp()),
	}
	h.PositiveSpan, h.PositiveDelta = positive.spans, positive.deltas
	h.NegativeSpan, h.NegativeDelta = negative.spans, negative.deltas
	markNative(h)
	m.Histogram = h
	return ""
}

// adds tells whether the parts make up the total, which 64 bits must hold.
func adds(total uint64, parts ...uint64) bool {
	for _, part := range parts {
		if part > total {
			return false
		}
		total -= part
	}
	return total == 0
}

func zeroThreshold(dp pmetric.ExponentialHistogramDataPoint) float64 {
	if z := dp.ZeroThreshold(); z > 0 && !math.IsInf(z, 1) {
		return z
	}
	return defaultZeroThreshold
}

// markNative gives a histogram without observations the empty span by which parsers know a native one.
func markNative(h *dto.Histogram) {
	if len(h.PositiveSpan) == 0 && len(h.NegativeSpan) == 0 {
		h.PositiveSpan = []*dto.BucketSpan{{Offset: new(int32(0)), Length: new(uint32(0))}}
	}
}

// side builds the spans and deltas of the positive or the negative buckets.
type side struct {
	spans  []*dto.BucketSpan
	deltas []int64
	total  uint64

	next int64 // index after the last bucket
	prev int64 // count of the last bucket
}

// nativeSide merges buckets by 2^shift. A native bucket's index names its upper bound, an OTLP one's its lower bound.
func nativeSide(b pmetric.ExponentialHistogramDataPointBuckets, shift int32) (side, bool) {
	var s side
	index, pending := int64(0), uint64(0)
	for i, count := range b.BucketCounts().All() {
		native := downscale(int64(b.Offset())+int64(i), shift) + 1
		if i > 0 && native != index {
			s.push(index, pending)
			pending = 0
		}
		// Deltas are signed, so a bucket holds 63 bits; the total of both sides must fit the point's 64.
		if native > math.MaxInt32 || count > math.MaxInt64-pending || s.total > math.MaxUint64-pending-count {
			return s, false
		}
		index, pending = native, pending+count
	}
	s.push(index, pending)
	return s, true
}

// downscale floors, so that negative indexes merge as they should.
func downscale(index int64, shift int32) int64 {
	return index >> min(shift, 62)
}

// push adds a bucket; a count beyond 63 bits was refused before.
func (s *side) push(index int64, count uint64) {
	if count == 0 {
		return
	}
	s.advance(index)
	signed := int64(count)
	s.deltas = append(s.deltas, signed-s.prev)
	s.prev, s.next, s.total = signed, index+1, s.total+count
}

// advance opens a span at index or bridges a small gap with empty buckets. Indexes fit 32 bits.
func (s *side) advance(index int64) {
	gap := index - s.next
	if len(s.spans) == 0 || gap > maxSpanGap {
		s.spans = append(s.spans, &dto.BucketSpan{Offset: new(int32(gap)), Length: new(uint32(1))})
		return
	}
	last := s.spans[len(s.spans)-1]
	for range gap {
		s.deltas = append(s.deltas, -s.prev)
		s.prev = 0
	}
	last.Length = new(last.GetLength() + uint32(gap) + 1)
}
