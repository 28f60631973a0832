package metrics

import (
	"math"
	"slices"
)

// tally is what was recorded, at rest: somebody holds the lock.
type tally[T Number] struct {
	bounds   bool
	counts   []uint64 // with bounds
	zero     uint64
	shift    uint8
	positive run
	negative run
	sum      sum
	min, max T // meaningless if nothing was recorded
	count    uint64
}

// sum is a sum of integers that may leave int64: what does goes into approximate, as all floats do.
type sum struct {
	integer     int64
	approximate float64
}

func (s *sum) addInteger(n int64) {
	if after := s.integer + n; (after >= s.integer) == (n >= 0) {
		s.integer = after
		return
	}
	s.approximate += float64(n)
}

func (s *sum) add(other *sum) {
	s.approximate += other.approximate
	s.addInteger(other.integer)
}

// float is the sum as Prometheus has it.
func (s *sum) float() float64 { return s.approximate + float64(s.integer) }

// int64 is the sum as OTel has it of integers: at the end of the range, if it left it.
func (s *sum) int64() int64 {
	if s.approximate == 0 {
		return s.integer
	}
	switch f := s.float(); {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	default:
		return int64(f)
	}
}

// run is counts of neighbouring buckets; the first and the last are not 0.
type run struct {
	first  int32
	counts []uint64
}

func (r *run) empty() bool { return len(r.counts) == 0 }

func (r *run) last() int32 { return r.first + int32(len(r.counts)) - 1 }

func (r *run) add(index int32, n uint64) {
	switch {
	case n == 0:
		return
	case r.empty():
		r.first, r.counts = index, append(r.counts[:0], 0)
	case index < r.first:
		r.counts = slices.Insert(r.counts, 0, make([]uint64, r.first-index)...)
		r.first = index
	case index > r.last():
		r.counts = append(r.counts, make([]uint64, index-r.last())...)
	}
	r.counts[index-r.first] += n
}

// coarsen joins each 2^by buckets.
func (r *run) coarsen(by uint8) {
	if by == 0 || r.empty() {
		return
	}
	old := *r
	*r = run{}
	for i, n := range old.counts {
		r.add((old.first+int32(i))>>by, n)
	}
}

// collapse adds to bucket first what is below it.
func (r *run) collapse(first int32) {
	if r.empty() || r.first >= first {
		return
	}
	old := *r
	*r = run{}
	for i, n := range old.counts {
		r.add(max(first, old.first+int32(i)), n)
	}
}

func (r *run) clone() run { return run{r.first, slices.Clone(r.counts)} }

func (r *run) width() int { return len(r.counts) }

// widthWith is the width with a bucket more.
func (r *run) widthWith(index int32) int {
	if r.empty() {
		return 1
	}
	return int(max(r.last(), index)) - int(min(r.first, index)) + 1
}

// addBucket adds to a slot of a layout.
func (t *tally[T]) addBucket(l *layout, slot int, n uint64) {
	t.count += n
	switch positive := int(l.positive.n); {
	case t.bounds:
		t.counts[slot] += n
	case slot == 0:
		t.zero += n
	case slot <= positive:
		t.positive.add((l.positive.first+int32(slot-1))>>(t.shift-l.shift), n)
	default:
		t.negative.add((l.negative.first+int32(slot-1-positive))>>(t.shift-l.shift), n)
	}
}

func (t *tally[T]) addToSum(v T) {
	if isFloat[T]() {
		t.sum.approximate += float64(v)
	} else {
		t.sum.addInteger(int64(v))
	}
}

// extreme takes part of the smallest and largest value. It is called before count says that there is one.
func (t *tally[T]) extreme(least, most T) {
	if t.count == 0 {
		t.min, t.max = least, most
		return
	}
	t.min, t.max = min(t.min, least), max(t.max, most)
}

// merge adds another tally of the same kind, with the same shift.
func (t *tally[T]) merge(other *tally[T]) {
	if other.count == 0 {
		return
	}
	t.extreme(other.min, other.max)
	t.count += other.count
	t.zero += other.zero
	for i, n := range other.positive.counts {
		t.positive.add(other.positive.first+int32(i), n)
	}
	for i, n := range other.negative.counts {
		t.negative.add(other.negative.first+int32(i), n)
	}
	t.sum.add(&other.sum)
}

func (t *tally[T]) coarsen(by uint8) {
	t.shift += by
	t.positive.coarsen(by)
	t.negative.coarsen(by)
}

func (t *tally[T]) clone() *tally[T] {
	c := *t
	c.counts = slices.Clone(t.counts)
	c.positive, c.negative = t.positive.clone(), t.negative.clone()
	return &c
}

// reset forgets everything and keeps memory. It is for exponential buckets.
func (t *tally[T]) reset() {
	*t = tally[T]{
		shift:    t.shift,
		positive: run{counts: t.positive.counts[:0]}, negative: run{counts: t.negative.counts[:0]},
	}
}
