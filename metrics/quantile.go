package metrics

import (
	"math"
	"slices"
)

// quantile estimates the value of the given rank, NaN if there is no value.
func (t *tally[T]) quantile(q float64) float64 {
	if t.count == 0 {
		return math.NaN()
	}
	rank := uint64(max(1, math.Ceil(q*float64(t.count))))
	return min(max(t.atRank(rank), float64(t.min)), float64(t.max))
}

// atRank goes through the buckets in order of value, from 1.
func (t *tally[T]) atRank(rank uint64) float64 {
	for i, n := range slices.Backward(t.negative.counts) {
		if rank <= n {
			return -t.middle(t.negative.first + int32(i))
		}
		rank -= n
	}
	if rank <= t.zero {
		return 0
	}
	rank -= t.zero
	for i, n := range t.positive.counts {
		if rank <= n {
			return t.middle(t.positive.first + int32(i))
		}
		rank -= n
	}
	return float64(t.max)
}

// middle is the value in a bucket that is relatively nearest to all others: the harmonic mean of its bounds.
func (t *tally[T]) middle(index int32) float64 {
	b := base(t.shift)
	return lowerBound(index, t.shift) * (2 * b / (b + 1))
}
