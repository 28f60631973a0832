// Package stats sums up repeated measurements: medians, quantiles and their spread.
package stats

import (
	"cmp"
	"slices"
)

// Spread is the middle of some measurements and how far they lie apart.
type Spread struct {
	Median, Min, Max float64
	N                int
}

// Of returns the spread of v; that of nothing is zero.
func Of(v []float64) Spread {
	if len(v) == 0 {
		return Spread{}
	}
	return Spread{Median: median(v), Min: slices.Min(v), Max: slices.Max(v), N: len(v)}
}

// Quantile returns the value of v at share q (0..1) of its order, or zero for nothing.
func Quantile[T cmp.Ordered](v []T, q float64) T {
	var zero T
	if len(v) == 0 {
		return zero
	}
	s := slices.Sorted(slices.Values(v))
	return s[int(q*float64(len(s)-1)+0.5)]
}

// Ratios divides a by b pair by pair, leaving out pairs in which one of them is not positive: nothing is n times zero.
func Ratios(a, b []float64) []float64 {
	var out []float64
	for i := range min(len(a), len(b)) {
		if a[i] > 0 && b[i] > 0 {
			out = append(out, a[i]/b[i])
		}
	}
	return out
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	mid := len(s) / 2
	if len(s)%2 == 1 {
		return s[mid]
	}
	return (s[mid-1] + s[mid]) / 2
}
