package exposition

import (
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	minSchema = -4
	maxSchema = 8
	// defaultZeroThreshold is what the specification asks for when a point has none.
	defaultZeroThreshold = 1e-128
	// maxNativeBuckets bounds the populated buckets on a side: deltas that spread further lower the resolution.
	maxNativeBuckets = 1024
)

// native is the state of an exponential histogram, in Prometheus' terms.
type native struct {
	schema        int32
	zeroThreshold float64
	zeroCount     uint64
	count         uint64
	sum           float64
	positive      side
	negative      side
	exemplars     []*exemplar
}

// side is the populated buckets of one sign, ascending by index. An index names a bucket by the bound away from zero:
// 2^(index·2^-schema).
type side []nativeBucket

type nativeBucket struct {
	index int32
	count uint64
}

func (n *native) size() int {
	size := 160 + 16*(len(n.positive)+len(n.negative)) + 8*len(n.exemplars)
	for _, e := range n.exemplars {
		size += e.size()
	}
	return size
}

// nativeValues reads the points of exponential histograms.
type nativeValues struct{ *reader }

func (v nativeValues) check(p pmetric.ExponentialHistogramDataPoint) Reason {
	switch {
	case p.Scale() < minSchema:
		return ReasonUnsupportedScale
	case !p.HasSum():
		return ReasonMissingSum
	case v.delta && (math.IsNaN(p.Sum()) || math.IsInf(p.Sum(), 0)):
		return ReasonInvalidValue // it would spoil the total for good
	}
	positive, okPositive := total(p.Positive(), p.Scale())
	negative, okNegative := total(p.Negative(), p.Scale())
	if !okPositive || !okNegative || !adds(p.Count(), positive, negative, p.ZeroCount()) {
		return ReasonInvalidHistogram
	}
	return ""
}

// maxExponent is the power of two that no float64 passes, in either direction.
const maxExponent = 1100

// total returns false when a bucket is where no float64 is or the counts pass 63 bits, for deltas on the wire are signed.
func total(b pmetric.ExponentialHistogramDataPointBuckets, scale int32) (uint64, bool) {
	sum, counts := uint64(0), b.BucketCounts()
	if counts.Len() == 0 {
		return 0, true
	}
	for i := range counts.Len() {
		if counts.At(i) > math.MaxInt64-sum {
			return 0, false
		}
		sum += counts.At(i)
	}
	first, last := int64(b.Offset()), int64(b.Offset())+int64(counts.Len())
	return sum, power(first, scale) >= -maxExponent && power(last, scale) <= maxExponent
}

// power returns the power of two at or below the bound of an index.
func power(index int64, scale int32) int64 {
	if scale < 0 {
		return index << -scale
	}
	return downscale(index, scale)
}

// adds tells whether the parts make up the whole, which 64 bits must hold.
func adds(whole uint64, parts ...uint64) bool {
	for _, part := range parts {
		if part > whole {
			return false
		}
		whole -= part
	}
	return whole == 0
}

// size is that of a state in which each bucket is populated, as they mostly are.
func (v nativeValues) size(p pmetric.ExponentialHistogramDataPoint) int {
	return 160 + 16*(p.Positive().BucketCounts().Len()+p.Negative().BucketCounts().Len())
}

func (v nativeValues) set(slot uint32, _ *record, p pmetric.ExponentialHistogramDataPoint) bool {
	return v.place(slot, v.read(p))
}

func (v nativeValues) read(p pmetric.ExponentialHistogramDataPoint) *native {
	schema := min(p.Scale(), maxSchema)
	n := &native{
		schema:        schema,
		zeroThreshold: zeroThreshold(p),
		zeroCount:     p.ZeroCount(),
		count:         p.Count(),
		sum:           p.Sum(),
		positive:      readSide(p.Positive(), p.Scale()-schema),
		negative:      readSide(p.Negative(), p.Scale()-schema),
	}
	if v.hasRoomForExemplars(p.Exemplars().Len()) {
		n.exemplars = v.names.timedExemplars(p.Exemplars())
	}
	return n
}

func zeroThreshold(p pmetric.ExponentialHistogramDataPoint) float64 {
	if z := p.ZeroThreshold(); z > 0 && !math.IsInf(z, 1) {
		return z
	}
	return defaultZeroThreshold
}

// readSide merges buckets by 2^shift. A native bucket's index names its upper bound, an OTLP one's its lower bound.
func readSide(b pmetric.ExponentialHistogramDataPointBuckets, shift int32) side {
	var s side
	counts := b.BucketCounts()
	for i := range counts.Len() {
		if count := counts.At(i); count > 0 {
			s = s.push(int32(downscale(int64(b.Offset())+int64(i), shift)+1), count)
		}
	}
	return slices.Clip(s)
}

// push adds to the last bucket, or a new one after it.
func (s side) push(index int32, count uint64) side {
	if last := len(s) - 1; last >= 0 && s[last].index == index {
		s[last].count += count
		return s
	}
	return append(s, nativeBucket{index, count})
}

// downscale floors, so that negative indexes merge as they should.
func downscale(index int64, shift int32) int64 {
	return index >> min(shift, 62)
}

func (n *native) message(m *dto.Metric, r *record) {
	h := &dto.Histogram{
		SampleCount:      new(n.count),
		SampleSum:        new(n.sum),
		Schema:           new(n.schema),
		ZeroThreshold:    new(n.zeroThreshold),
		ZeroCount:        new(n.zeroCount),
		CreatedTimestamp: timeMessage(r.start),
	}
	for _, e := range n.exemplars {
		h.Exemplars = append(h.Exemplars, e.message())
	}
	n.positive.spans(func(offset int32, length uint32) { h.PositiveSpan = append(h.PositiveSpan, span(offset, length)) })
	n.negative.spans(func(offset int32, length uint32) { h.NegativeSpan = append(h.NegativeSpan, span(offset, length)) })
	n.positive.deltas(func(delta int64) { h.PositiveDelta = append(h.PositiveDelta, delta) })
	n.negative.deltas(func(delta int64) { h.NegativeDelta = append(h.NegativeDelta, delta) })
	if n.isEmpty() {
		h.PositiveSpan = append(h.PositiveSpan, span(0, 0))
	}
	m.Histogram = h
}

// isEmpty tells that there are no buckets. Parsers then know a native histogram by an empty span.
func (n *native) isEmpty() bool { return len(n.positive) == 0 && len(n.negative) == 0 }

func span(offset int32, length uint32) *dto.BucketSpan {
	return &dto.BucketSpan{Offset: new(offset), Length: new(length)}
}

// maxSpanGap is how many empty buckets cost less as zero deltas than as a span of their own.
const maxSpanGap = 2

// spans visits the spans of the wire format: how far each begins after the last one's end, and how long it is.
func (s side) spans(visit func(offset int32, length uint32)) {
	next := int32(0)
	for len(s) > 0 {
		n := 1
		for n < len(s) && s[n].index-s[n-1].index-1 <= maxSpanGap {
			n++
		}
		first, last := s[0].index, s[n-1].index
		visit(first-next, uint32(last-first+1))
		next, s = last+1, s[n:]
	}
}

// deltas visits the difference of each bucket's count to the one before, empty ones inside a span included.
func (s side) deltas(visit func(delta int64)) {
	prev := int64(0)
	for i, b := range s {
		if i > 0 {
			if gap := b.index - s[i-1].index - 1; gap <= maxSpanGap {
				for range gap {
					visit(-prev)
					prev = 0
				}
			}
		}
		visit(int64(b.count) - prev)
		prev = int64(b.count)
	}
}
