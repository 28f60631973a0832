package metrics

import (
	"math/bits"
	"slices"
)

// layout says which slot a value goes into. It never changes; a recorder goes over to another one.
//
// With bounds, slot i is for what is up to bounds[i], and one more for the rest. Without, slot 0 is for zero, the next
// ones for the indices of positive, then those of negative.
type layout struct {
	bounds   []float64
	shift    uint8
	positive span
	negative span
}

// span is a range of indices.
type span struct {
	first    int32
	n        int32
	collapse bool // what is below goes into the first slot
}

func (s span) contains(index int32) bool { return uint32(index-s.first) < uint32(s.n) }

func (l *layout) slots() int {
	if l.bounds != nil {
		return len(l.bounds) + 1
	}
	return 1 + int(l.positive.n) + int(l.negative.n)
}

// slot returns -1 if there is none for the index on a side of zero.
func (l *layout) slot(sign int, index int32) int {
	switch {
	case sign == 0:
		return 0
	case sign > 0:
		return l.positive.slot(index>>l.shift, 1)
	default:
		return l.negative.slot(index>>l.shift, 1+int(l.positive.n))
	}
}

func (s *span) slot(index int32, offset int) int {
	i := index - s.first
	if uint32(i) < uint32(s.n) {
		return offset + int(i)
	}
	if s.collapse && i < 0 {
		return offset
	}
	return -1
}

// slotAmong looks at all bounds while they are few: a loop that left early would be mispredicted each time it does.
func slotAmong(bounds []float64, v float64) (slot int) {
	if len(bounds) > 32 {
		slot, _ = slices.BinarySearch(bounds, v)
		return slot
	}
	for len(bounds) >= 4 {
		slot += above(v, bounds[0]) + above(v, bounds[1]) + above(v, bounds[2]) + above(v, bounds[3])
		bounds = bounds[4:]
	}
	for _, bound := range bounds {
		slot += above(v, bound)
	}
	return slot
}

// above is 1 if v is above the bound, otherwise 0, and compiled without a branch.
func above(v, bound float64) (one int) {
	if v > bound {
		one = 1
	}
	return one
}

// minSpan is what a span has at least, so that the first values do not each widen it.
const minSpan = 4

// around returns a span of at most limit indices that contains first to last, with room on both sides.
func around(first, last int32, limit int) span {
	need := int(last) - int(first) + 1
	n := max(need, min(limit, max(minSpan, 1<<bits.Len(uint(need-1)))))
	return span{first: first - int32(n-need)/2, n: int32(n)}
}
