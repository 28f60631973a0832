package metrics

import "sync/atomic"

// Gauge is a value that is set, and goes up and down. Its methods may be called by any number of goroutines.
type Gauge[T Number] struct {
	core[T]
	bits atomic.Uint64
}

// NewGauge returns a gauge of one series, which is 0 until it is set. Constraints apply to the value it would have.
func NewGauge[T Number](name, help string, labels Labels, constraints Constraints[T], opts ...Option) (*Gauge[T], error) {
	p, err := arguments[T]{gaugeKind, name, help, labels, constraints, opts}.single()
	if err != nil {
		return nil, err
	}
	return newGauge(p, p.family.constant, p.hooks), nil
}

func newGauge[T Number](p *parts[T], labels []label, h *hooks[T]) *Gauge[T] {
	g := &Gauge[T]{}
	g.init(p.family, labels, h)
	return g
}

// Set makes v the value, or counts and drops it where it breaks the constraints or is an integer above int64. NaN and
// infinities are values like others, as in Prometheus; constraints can refuse them.
func (g *Gauge[T]) Set(v T) {
	if g.hooks.Load() == nil && !tooLarge(v) {
		g.bits.Store(toBits(v))
		return
	}
	g.settle(g.set(v))
}

// TrySet is Set that returns why v is not the value now, and does not count it.
func (g *Gauge[T]) TrySet(v T) error { return refused(g.series.family, v, g.set(v)) }

// Add adds v, or counts and drops it: where the sum breaks the constraints or leaves the type's range, and where v is NaN
// or infinite, which only Set takes.
func (g *Gauge[T]) Add(v T) {
	if g.hooks.Load() == nil && v-v == 0 { //nolint:gocritic // v-v is not 0 of NaN and infinities
		old := g.bits.Load()
		if after, ok := plus(fromBits[T](old), v); ok && g.bits.CompareAndSwap(old, toBits(after)) {
			return
		}
	}
	g.settle(g.change(v, plus))
}

// TryAdd is Add that returns why v is not added, and does not count it.
func (g *Gauge[T]) TryAdd(v T) error { return refused(g.series.family, v, g.change(v, plus)) }

// Sub takes v off, as Add adds it. An unsigned gauge does not go below 0.
func (g *Gauge[T]) Sub(v T) { g.settle(g.change(v, minus)) }

// TrySub is Sub that returns why v is not taken off, and does not count it.
func (g *Gauge[T]) TrySub(v T) error { return refused(g.series.family, v, g.change(v, minus)) }

// Inc adds 1.
func (g *Gauge[T]) Inc() { g.Add(1) }

// Dec takes 1 off.
func (g *Gauge[T]) Dec() { g.Sub(1) }

// Value is what the gauge is now.
func (g *Gauge[T]) Value() T { return fromBits[T](g.bits.Load()) }

func (g *Gauge[T]) set(v T) error {
	h := g.hooks.Load()
	if tooLarge(v) {
		return ErrOverflow
	}
	if err := h.check(v); err != nil {
		return err
	}
	old := g.bits.Swap(toBits(v))
	h.tell(&g.series, fromBits[T](old), v)
	return nil
}

// change replaces the value by step(value, v) in one go.
func (g *Gauge[T]) change(v T, step func(a, b T) (T, bool)) error {
	h := g.hooks.Load()
	if err := checkFinite(v); err != nil {
		return err
	}
	for {
		old := g.bits.Load()
		before := fromBits[T](old)
		after, ok := step(before, v)
		if !ok {
			return ErrOverflow
		}
		if err := h.check(after); err != nil {
			return err
		}
		if g.bits.CompareAndSwap(old, toBits(after)) {
			h.tell(&g.series, before, after)
			return nil
		}
	}
}

// plus returns a + b, or false if that is out of range. The sum of an infinity is that infinity.
func plus[T Number](a, b T) (T, bool) {
	sum := a + b
	if isFloat[T]() {
		return sum, sum-sum == 0 || a-a != 0 //nolint:gocritic // false of infinities and NaN
	}
	return sum, (sum >= a) == (b >= 0) && !tooLarge(sum)
}

func minus[T Number](a, b T) (T, bool) {
	difference := a - b
	if isFloat[T]() {
		return difference, difference-difference == 0 || a-a != 0 //nolint:gocritic // false of infinities and NaN
	}
	return difference, (difference <= a) == (b >= 0)
}
