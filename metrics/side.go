package metrics

import (
	"math"
	"runtime"
	"sync/atomic"
)

// side is one of a recorder's two: one takes values while the other rests and is emptied.
type side[T Number] struct {
	layout *layout
	counts []atomic.Uint64
	sum    atomic.Uint64 // bits of an int64 or a float64
	wraps  atomic.Int64  // how often sum has left int64: upwards less downwards
	min    atomic.Uint64 // bits, as toBits makes them
	max    atomic.Uint64
	// outside counts values that found no slot, and left again.
	outside atomic.Uint64
}

// use is for a side at rest.
func (s *side[T]) use(l *layout) {
	s.layout = l
	if n := l.slots(); n <= cap(s.counts) {
		s.counts = s.counts[:n] // all zero, as draining leaves them
	} else {
		s.counts = make([]atomic.Uint64, n)
	}
	s.forgetExtremes()
}

// forgetExtremes leaves what any value is at most and at least.
func (s *side[T]) forgetExtremes() {
	largest, smallest := largestAndSmallest[T]()
	s.min.Store(toBits(largest))
	s.max.Store(toBits(smallest))
}

// add adds to everything but the counts; the count of its slot, added last, says that a value is in whole.
func (s *side[T]) add(v T) {
	if isFloat[T]() {
		addFloat(&s.sum, float64(v))
	} else {
		s.addInteger(int64(v))
	}
	if v < fromBits[T](s.min.Load()) {
		s.lower(v)
	}
	if v > fromBits[T](s.max.Load()) {
		s.raise(v)
	}
}

func (s *side[T]) lower(v T) {
	for old := s.min.Load(); v < fromBits[T](old); old = s.min.Load() {
		if s.min.CompareAndSwap(old, toBits(v)) {
			return
		}
	}
}

func (s *side[T]) raise(v T) {
	for old := s.max.Load(); v > fromBits[T](old); old = s.max.Load() {
		if s.max.CompareAndSwap(old, toBits(v)) {
			return
		}
	}
}

// addInteger lets the sum wrap where it leaves int64, and counts that. Additions to one word have an order, so of each wrap
// exactly one knows.
func (s *side[T]) addInteger(n int64) {
	after := int64(s.sum.Add(uint64(n)))
	switch before := after - n; {
	case n > 0 && after < before:
		s.wraps.Add(1)
	case n < 0 && after > before:
		s.wraps.Add(-1)
	}
}

func addFloat(word *atomic.Uint64, v float64) {
	for {
		old := word.Load()
		if word.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// wait returns when so many values have ended, in a slot or outside.
func (s *side[T]) wait(started uint64) {
	for s.ended() != started {
		runtime.Gosched()
	}
}

func (s *side[T]) ended() uint64 {
	n := s.outside.Load()
	for i := range s.counts {
		n += s.counts[i].Load()
	}
	return n
}

// drain moves what a side at rest holds into t.
func (s *side[T]) drain(t *tally[T]) {
	drained := s.ended() - s.outside.Swap(0)
	if drained == 0 {
		return
	}
	t.extreme(fromBits[T](s.min.Load()), fromBits[T](s.max.Load()))
	s.forgetExtremes()
	s.drainSum(&t.sum)
	for i := range s.counts {
		if n := s.counts[i].Swap(0); n > 0 {
			t.addBucket(s.layout, i, n)
		}
	}
}

func (s *side[T]) drainSum(into *sum) {
	if isFloat[T]() {
		into.approximate += math.Float64frombits(s.sum.Swap(0))
		return
	}
	into.approximate += float64(s.wraps.Swap(0)) * 0x1p64
	into.addInteger(int64(s.sum.Swap(0)))
}
