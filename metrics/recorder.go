package metrics

import (
	"sync"
	"sync/atomic"
)

// recorder takes values without a lock, and hands out what it has taken consistently: what a reader gets is a set of whole
// values, each in its bucket, in the sum, and among those that smallest and largest are taken from.
//
// As in client_golang's histogram, started says in its top bit which side is hot, that is, takes values, and counts in
// the others those that have begun on it. A reader, under the lock, turns to the other side, waits until all that have
// begun have ended, and moves what the side holds into the tally, at rest. Readers never stop writers, and writers hold up
// a reader for the time of one value.
//
// A value outside the hot side's layout is added to the tally under the lock, and both sides get a layout with room for
// it: the more values there are, the rarer.
type recorder[T Number] struct {
	plan    *plan
	mu      sync.Mutex
	tally   *tally[T] // of what was drained; guarded by mu
	sides   [2]side[T]
	started atomic.Uint64
}

const hotBit = 63

func (r *recorder[T]) init(p *plan, t *tally[T]) {
	t.start(p)
	r.plan, r.tally = p, t
	r.sides[0].use(p.first)
	r.sides[1].use(p.first)
}

// record takes v, which is finite and not too large. What can be is found out before the value begins: an atomic addition
// has the processor wait with all that follows it.
func (r *recorder[T]) record(v T) {
	if r.plan.bounds == nil {
		r.recordExponential(v)
		return
	}
	slot := slotAmong(r.plan.bounds, float64(v))
	s := r.begin()
	s.add(v)
	s.counts[slot].Add(1)
}

func (r *recorder[T]) recordExponential(v T) {
	sign, index := r.plan.locate(float64(v))
	s := r.begin()
	slot := s.layout.slot(sign, index)
	if slot < 0 {
		s.outside.Add(1)
		r.extend(v)
		return
	}
	s.add(v)
	s.counts[slot].Add(1)
}

func (r *recorder[T]) begin() *side[T] { return &r.sides[r.started.Add(1)>>hotBit] }

// turn lets the resting side take values, and drains the other. It returns that one, at rest now.
func (r *recorder[T]) turn() *side[T] {
	cold := ^r.started.Load() >> hotBit
	before := r.started.Swap(cold << hotBit)
	s := &r.sides[before>>hotBit]
	s.wait(before &^ (1 << hotBit))
	s.drain(r.tally)
	return s
}

// part empties both sides into the tally, which gets no more. What its large values have joined the next one's need not: a
// slot that takes all that is below it takes that no longer.
func (r *recorder[T]) part() {
	rest := r.turn()
	if l := *rest.layout; l.positive.collapse || l.negative.collapse {
		l.positive.collapse, l.negative.collapse = false, false
		rest.use(&l)
		r.turn().use(&l)
	}
}

// read calls f with the tally, which holds all that was recorded before.
func (r *recorder[T]) read(f func(*tally[T])) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn()
	f(r.tally)
}

// extend adds a value that has no slot, and makes layouts that have one. What comes in meanwhile may need another one
// again, until the hot side's layout fits all that the tally holds: at most as often as there are buckets.
func (r *recorder[T]) extend(v T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rest := r.turn()
	addOutside(r.plan, r.tally, v)
	for {
		fit(r.plan, r.tally)
		l := r.plan.layout(r.tally.shift, &r.tally.positive, &r.tally.negative)
		rest.use(l)
		rest = r.turn()
		if l.fits(&r.tally.positive, &r.tally.negative) {
			rest.use(l)
			return
		}
	}
}
