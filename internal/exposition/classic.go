package exposition

import (
	"math"
	"math/bits"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// classic is the state of a histogram with explicit buckets.
type classic struct {
	// bounds are ascending, without the infinite one; counts are cumulative and one more.
	bounds *bounds
	counts []uint64
	// sum is NaN for a histogram without one: the formats always write a sum, and 0 would be a lie.
	sum float64
	// exemplars is nil, or as long as counts.
	exemplars []*exemplar
}

func (c *classic) size() int {
	n := 64 + 16*len(c.counts) + 8*len(c.exemplars)
	for _, e := range c.exemplars {
		if e != nil {
			n += e.size()
		}
	}
	return n
}

func (c *classic) count() uint64 { return c.counts[len(c.counts)-1] }

func (c *classic) message(m *dto.Metric, r *record) {
	h := &dto.Histogram{SampleCount: new(c.count()), SampleSum: new(c.sum), CreatedTimestamp: timeMessage(r.start)}
	for i, count := range c.counts {
		b := &dto.Bucket{UpperBound: new(c.bounds.upper(i)), CumulativeCount: new(count)}
		if c.exemplars != nil {
			b.Exemplar = c.exemplars[i].message()
		}
		h.Bucket = append(h.Bucket, b)
	}
	m.Histogram = h
}

// classicValues reads the points of histograms.
type classicValues struct{ *reader }

func (v classicValues) check(p pmetric.HistogramDataPoint) Reason {
	switch {
	case !validBounds(p.ExplicitBounds()), !validCounts(p):
		return ReasonInvalidHistogram
	case v.delta && (math.IsNaN(p.Sum()) || math.IsInf(p.Sum(), 0)):
		return ReasonInvalidValue // it would spoil the total for good
	default:
		return ""
	}
}

func validBounds(bs pcommon.Float64Slice) bool {
	for i := range bs.Len() {
		if math.IsNaN(bs.At(i)) || i > 0 && bs.At(i) <= bs.At(i-1) {
			return false
		}
	}
	return true
}

// validCounts accepts a histogram with neither bounds nor counts; otherwise there must be one count more than bounds,
// and they must add up.
func validCounts(p pmetric.HistogramDataPoint) bool {
	counts := p.BucketCounts()
	if counts.Len() == 0 {
		return p.ExplicitBounds().Len() == 0
	}
	total, carry := uint64(0), uint64(0)
	for i := range counts.Len() {
		if total, carry = bits.Add64(total, counts.At(i), 0); carry != 0 {
			return false
		}
	}
	return counts.Len() == p.ExplicitBounds().Len()+1 && total == p.Count()
}

func (v classicValues) size(p pmetric.HistogramDataPoint) int {
	return 64 + 16*max(1, p.BucketCounts().Len())
}

// set overwrites the state of a series in place where it has the same bounds.
func (v classicValues) set(slot uint32, _ *record, p pmetric.HistogramDataPoint) bool {
	st, _ := v.family.state(slot).(*classic)
	if st == nil || !st.bounds.equal(p.ExplicitBounds()) {
		st = &classic{bounds: v.family.internBounds(p.ExplicitBounds())}
		st.counts = make([]uint64, len(st.bounds.finite)+1)
		if !v.place(slot, st) {
			return false
		}
	}
	st.read(p)
	v.exemplify(st, nil, p)
	return true
}

// exemplify gives a state in place the exemplars it had that are to stay, and those of a point.
func (v classicValues) exemplify(st *classic, stay []*exemplar, p pmetric.HistogramDataPoint) {
	v.family.mu.stateBytes -= st.size()
	st.exemplars = stay
	if v.hasRoomForExemplars(min(p.Exemplars().Len(), len(st.counts))) {
		st.exemplars = v.names.bucketExemplars(stay, st.bounds.finite, p.Exemplars())
	}
	v.family.mu.stateBytes += st.size()
}

// read takes over counts and sum. An explicit bound of +Inf is the one every histogram has, so its two last counts are one.
func (c *classic) read(p pmetric.HistogramDataPoint) {
	total, in := uint64(0), p.BucketCounts()
	for i := range c.counts {
		if i < in.Len() {
			total += in.At(i)
		}
		c.counts[i] = total
	}
	c.counts[len(c.counts)-1] = p.Count()
	c.sum = math.NaN()
	if p.HasSum() {
		c.sum = p.Sum()
	}
}

// add starts anew where two histograms have no sum: their bounds differ, only one has a sum of its own, the series was
// a native histogram, or the counts pass what 64 bits hold.
func (v classicValues) add(slot uint32, r *record, p pmetric.HistogramDataPoint) bool {
	st, _ := v.family.state(slot).(*classic)
	if st == nil || !st.bounds.equal(p.ExplicitBounds()) || math.IsNaN(st.sum) == p.HasSum() || overflows(st.count(), p.Count()) {
		if !v.set(slot, r, p) {
			return false
		}
		r.start = p.StartTimestamp()
		return true
	}
	total := uint64(0)
	for i := range st.counts {
		if i < p.BucketCounts().Len() {
			total += p.BucketCounts().At(i)
		}
		if i == len(st.counts)-1 {
			total = p.Count()
		}
		st.counts[i] += total
	}
	st.sum += p.Sum()
	v.exemplify(st, st.exemplars, p)
	return true
}

func overflows(a, b uint64) bool {
	_, carry := bits.Add64(a, b, 0)
	return carry != 0
}

// bounds is a list of ascending upper bounds without the infinite one. It is immutable and shared.
type bounds struct{ finite []float64 }

func (b *bounds) upper(i int) float64 {
	if i == len(b.finite) {
		return math.Inf(1)
	}
	return b.finite[i]
}

// equal ignores an explicit bound of +Inf.
func (b *bounds) equal(explicit pcommon.Float64Slice) bool {
	n := finiteBounds(explicit)
	if n != len(b.finite) {
		return false
	}
	for i, bound := range b.finite {
		if explicit.At(i) != bound {
			return false
		}
	}
	return true
}

func finiteBounds(explicit pcommon.Float64Slice) int {
	if n := explicit.Len(); n > 0 && math.IsInf(explicit.At(n-1), 1) {
		return n - 1
	}
	return explicit.Len()
}

// internBounds shares the bounds of the series before: most families have one list.
func (f *family) internBounds(explicit pcommon.Float64Slice) *bounds {
	if f.mu.bounds == nil || !f.mu.bounds.equal(explicit) {
		f.mu.bounds = &bounds{explicit.AsRaw()[:finiteBounds(explicit)]}
	}
	return f.mu.bounds
}
