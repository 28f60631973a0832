package exposition

import (
	"math"
	"slices"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// add starts anew where the series was a histogram of other kind, or the counts pass what a signed number holds.
func (v nativeValues) add(slot uint32, r *record, p pmetric.ExponentialHistogramDataPoint) bool {
	sum := v.read(p)
	old, _ := v.family.state(slot).(*native)
	continues := old != nil && old.count <= math.MaxInt64-min(sum.count, math.MaxInt64)
	if continues {
		if sum.exemplars == nil {
			sum.exemplars = old.exemplars
		}
		sum.merge(old)
	}
	if !v.place(slot, sum) {
		return false
	}
	if !continues {
		r.start = p.StartTimestamp()
	}
	return true
}

// merge adds another histogram, at the resolution and the zero bucket that both can have.
func (n *native) merge(other *native) {
	other = other.clone()
	n.shareZero(other)
	schema := min(n.schema, other.schema)
	n.reduce(schema)
	other.reduce(schema)
	n.zeroCount += other.zeroCount
	n.count += other.count
	n.sum += other.sum
	n.positive = merged(n.positive, other.positive)
	n.negative = merged(n.negative, other.negative)
	for max(len(n.positive), len(n.negative)) > maxNativeBuckets && n.schema > minSchema {
		n.reduce(n.schema - 1)
	}
}

func (n *native) clone() *native {
	c := *n
	c.positive, c.negative = slices.Clone(n.positive), slices.Clone(n.negative)
	return &c
}

// reduce lowers the resolution to a schema.
func (n *native) reduce(schema int32) {
	if shift := n.schema - schema; shift > 0 {
		n.positive, n.negative = n.positive.reduced(shift), n.negative.reduced(shift)
	}
	n.schema = schema
}

// reduced merges buckets by 2^shift, in place. An index names an upper bound, so it is the one below that is divided.
func (s side) reduced(shift int32) side {
	out := s[:0]
	for _, b := range s {
		out = out.push((b.index-1)>>shift+1, b.count)
	}
	return out
}

// shareZero gives two histograms the same zero bucket: the wider one, widened further to the end of any bucket it would
// cut. It comes before resolution is lost, as in Prometheus.
func (n *native) shareZero(other *native) {
	threshold := max(n.zeroThreshold, other.zeroThreshold)
	for before := -1.0; before != threshold; {
		before = threshold
		threshold = max(n.cut(threshold), other.cut(threshold))
	}
	n.widenZero(threshold)
	other.widenZero(threshold)
}

// cut returns the end of the bucket that a zero threshold falls into, else the threshold.
func (n *native) cut(threshold float64) float64 {
	if n.zeroThreshold == threshold {
		return threshold
	}
	for _, s := range []side{n.positive, n.negative} {
		for _, b := range s {
			if upper := n.bound(b.index); n.bound(b.index-1) < threshold && threshold < upper {
				return upper
			}
		}
	}
	return threshold
}

// widenZero moves the buckets within a threshold, which cuts none of them, to the zero bucket.
func (n *native) widenZero(threshold float64) {
	if n.zeroThreshold == threshold {
		return
	}
	n.zeroThreshold = threshold
	within := func(b nativeBucket) bool {
		if n.bound(b.index) > threshold {
			return false
		}
		n.zeroCount += b.count
		return true
	}
	n.positive = slices.DeleteFunc(n.positive, within)
	n.negative = slices.DeleteFunc(n.negative, within)
}

// bound is the end of a bucket away from zero.
func (n *native) bound(index int32) float64 {
	if n.schema <= 0 {
		return math.Ldexp(1, int(index)<<-n.schema)
	}
	steps := int32(1) << n.schema
	return math.Ldexp(math.Exp2(float64(index&(steps-1))/float64(steps)), int(index>>n.schema))
}

func merged(a, b side) side {
	out := make(side, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && a[0].index <= b[0].index {
			out, a = out.push(a[0].index, a[0].count), a[1:]
		} else {
			out, b = out.push(b[0].index, b[0].count), b[1:]
		}
	}
	return slices.Clip(out)
}
