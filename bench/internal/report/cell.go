package report

import (
	"fmt"
	"math"
	"strconv"

	"github.com/sluice-metrics/sluice/bench/internal/scenario"
	"github.com/sluice-metrics/sluice/bench/internal/stats"
)

// Who is ahead, other than another subject, which is named.
const (
	aheadSluice = scenario.Sluice
	aheadNobody = "even"
	margin      = 1.05
)

// number writes v with three digits that count, millions as such.
func number(v float64) string {
	if math.Abs(v) >= 1e6 {
		return number(v/1e6) + "M"
	}
	if a := math.Abs(v); a >= 100 || a == 0 {
		return strconv.FormatFloat(math.Round(v), 'f', -1, 64)
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	return strconv.FormatFloat(v, 'f', min(digits, 6), 64)
}

// cell writes measurements: the median, and the spread if there is one.
func cell(v []float64) string {
	s := stats.Of(v)
	if s.N == 0 {
		return ""
	}
	if s.N == 1 {
		return number(s.Median)
	}
	return fmt.Sprintf("%s (%s..%s)", number(s.Median), number(s.Min), number(s.Max))
}

// ahead compares the subjects' measurements pair by pair: one is ahead if it is better by the margin in every pair.
func ahead(sluice, contrib []float64, better scenario.Better) string {
	n := min(len(sluice), len(contrib))
	if better == scenario.Neither || n == 0 {
		return ""
	}
	sluice, contrib = sluice[:n], contrib[:n]
	ours, theirs := 0, 0
	for i, a := range sluice {
		b := contrib[i]
		if better == scenario.Higher {
			a, b = b, a
		}
		switch {
		case a*margin < b:
			ours++
		case b*margin < a:
			theirs++
		}
	}
	switch n {
	case ours:
		return aheadSluice
	case theirs:
		return scenario.Contrib
	default:
		return aheadNobody
	}
}
