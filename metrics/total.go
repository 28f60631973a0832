package metrics

import (
	"math"
	"runtime"
	"sync/atomic"
)

// total is a sum that only grows, at the price of one atomic addition, and never passes the largest value of its type.
//
// Integers are added to word without looking first. An addition that takes word beyond the limit looks closer: the first to
// do so leaves word there for ever, and copies the sum before it to sealed, where all later ones compare and swap. That
// the first is one and known follows from additions to one word having an order; what later ones added to word they take
// off again, which nobody sees, as a word beyond the limit is no longer read. So a reader never sees a sum that is taken
// back.
//
// Floats that are small whole numbers go the same way, all others are added to frac, as client_golang does.
type total[T Number] struct {
	limit  uint64
	word   atomic.Uint64
	sealed atomic.Uint64 // 0 until word is beyond the limit
	frac   atomic.Uint64 // bits of a float64
}

func (t *total[T]) init() {
	t.limit = largestInteger[T]()
	if isFloat[T]() {
		t.limit = math.MaxInt64
	}
}

// small returns v as an amount that is added to word without looking, if it is one: neither negative nor a fraction, NaN
// or infinite, nor so large that word could wrap before four billion additions are under way at once.
func small[T Number](v T) (n uint64, ok bool) {
	n = uint64(v) // huge if v is negative
	return n, n <= math.MaxUint32 && T(n) == v
}

// pass ends an addition of a small n that took word to sum, beyond the limit. It reports whether n was added.
func (t *total[T]) pass(sum, n uint64) bool {
	if before := sum - n; before <= t.limit {
		t.sealed.Store(before) // not 0: n alone is within the limit
	} else {
		t.word.Add(-n)
	}
	_, ok := t.addSealed(n)
	return ok
}

// addFrac refuses what would be infinite, infinities and NaN. What word holds is lost in the rounding of a sum so large.
func (t *total[T]) addFrac(v float64) bool {
	for {
		old := t.frac.Load()
		next := math.Float64frombits(old) + v
		if !(next <= largestFloat[T]()) {
			return false
		}
		if t.frac.CompareAndSwap(old, math.Float64bits(next)) {
			return true
		}
	}
}

// add adds v, which is finite, not negative and not too large. It returns the sum after it, of floats perhaps with others
// that were added at once, or false if that would be too large: then nothing was added.
func (t *total[T]) add(v T) (T, bool) {
	if isFloat[T]() {
		ok := t.addFloat(v)
		return t.load(), ok
	}
	sum, ok := t.addLarge(uint64(v))
	return T(sum), ok
}

func (t *total[T]) addFloat(v T) bool {
	if n, ok := small(v); ok {
		if sum := t.word.Add(n); sum <= t.limit || t.pass(sum, n) {
			return true
		}
	}
	return t.addFrac(float64(v))
}

// addLarge looks first: it neither takes word beyond the limit nor anything back.
func (t *total[T]) addLarge(n uint64) (uint64, bool) {
	for {
		old := t.word.Load()
		if old > t.limit {
			return t.addSealed(n)
		}
		if n > t.limit-old {
			return 0, false
		}
		if t.word.CompareAndSwap(old, old+n) {
			return old + n, true
		}
	}
}

func (t *total[T]) addSealed(n uint64) (uint64, bool) {
	for {
		old := t.loadSealed()
		if n > t.limit-old {
			return 0, false
		}
		if t.sealed.CompareAndSwap(old, old+n) {
			return old + n, true
		}
	}
}

// loadSealed waits for the addition that took word beyond the limit to say so, which it is about to.
func (t *total[T]) loadSealed() uint64 {
	for {
		if sum := t.sealed.Load(); sum != 0 {
			return sum
		}
		runtime.Gosched()
	}
}

func (t *total[T]) loadFrac() float64 { return math.Float64frombits(t.frac.Load()) }

func (t *total[T]) integers() uint64 {
	if sum := t.word.Load(); sum <= t.limit {
		return sum
	}
	return t.loadSealed()
}

// load returns the sum. Of floats, it may lie between two additions that are made at once.
func (t *total[T]) load() T {
	if isFloat[T]() {
		return T(t.float())
	}
	return T(t.integers())
}

// float is the sum as Prometheus has it.
func (t *total[T]) float() float64 { return t.loadFrac() + float64(t.integers()) }
