package exposition

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// The text formats have no words for native histograms. There they are classic ones whose bounds are powers of two:
// those bounds stay when the source changes its scale, so the series on the page do too.

// step adds count to the buckets from bound on.
type step struct {
	bound float64
	count uint64
}

// cumulative returns the buckets of a native histogram as a classic one, those with finite bounds, in dst.
func (n *native) cumulative(dst []step) []step {
	dst = n.steps(dst[:0])
	slices.SortFunc(dst, func(a, b step) int { return cmp.Compare(a.bound, b.bound) })
	out, total := dst[:0], uint64(0)
	for _, s := range dst {
		total += s.count
		if last := len(out) - 1; last >= 0 && out[last].bound == s.bound {
			out[last].count = total
		} else if !math.IsInf(s.bound, 1) {
			out = append(out, step{s.bound + 0, total}) // no -0: a bound has one text
		}
	}
	return out
}

// steps gives each populated bucket its lower bound as well, or a gap below would blur into it.
func (n *native) steps(dst []step) []step {
	width := 1 << max(0, -n.schema)
	for _, b := range n.negative {
		k := n.exponent(b.index)
		dst = append(dst, step{-math.Ldexp(1, k), 0}, step{-math.Ldexp(1, k-width), b.count})
	}
	if n.zeroCount > 0 {
		dst = append(dst, step{n.zeroThreshold, n.zeroCount})
	}
	for _, b := range n.positive {
		k := n.exponent(b.index)
		dst = append(dst, step{math.Ldexp(1, k-width), 0}, step{math.Ldexp(1, k), b.count})
	}
	return dst
}

// exponent returns the smallest k such that 2^k is not below the upper bound of the bucket.
func (n *native) exponent(index int32) int {
	if n.schema < 0 {
		return int(index) << -n.schema
	}
	return int((index-1)>>n.schema) + 1
}

// fixed returns the histogram as a classic one.
func (n *native) fixed() *classic {
	buckets := n.cumulative(nil)
	c := &classic{bounds: &bounds{}, sum: n.sum}
	for _, b := range buckets {
		c.bounds.finite = append(c.bounds.finite, b.bound)
		c.counts = append(c.counts, b.count)
	}
	c.counts = append(c.counts, n.count)
	if len(n.exemplars) > 0 {
		c.exemplars = n.bucketExemplars(c.bounds.finite)
	}
	return c
}

func (n *native) bucketExemplars(bounds []float64) []*exemplar {
	out := make([]*exemplar, len(bounds)+1)
	for _, e := range n.exemplars {
		out[sort.SearchFloat64s(bounds, e.value)] = e
	}
	return out
}
