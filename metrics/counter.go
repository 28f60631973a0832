package metrics

import (
	"context"
	"sync/atomic"
)

// Counter is a sum of amounts that are not negative. Its methods may be called by any number of goroutines.
type Counter[T Number] struct {
	core[T]
	exemplar atomic.Pointer[exemplar[T]]
	total    total[T]
}

// NewCounter returns a counter of one series. Constraints apply to the amounts added.
func NewCounter[T Number](name, help string, labels Labels, constraints Constraints[T], opts ...Option) (*Counter[T], error) {
	p, err := arguments[T]{counterKind, name, help, labels, constraints, opts}.single()
	if err != nil {
		return nil, err
	}
	return newCounter(p, p.family.constant, p.hooks), nil
}

func newCounter[T Number](p *parts[T], labels []label, h *hooks[T]) *Counter[T] {
	c := &Counter[T]{}
	c.init(p.family, labels, h)
	c.total.init()
	return c
}

// Inc adds 1.
func (c *Counter[T]) Inc() { c.Add(1) }

// Add adds v, or counts and drops it: where it is negative, NaN or infinite, breaks the constraints, or would take the
// total out of range, which then stays as it is.
func (c *Counter[T]) Add(v T) {
	if n, ok := small(v); ok && c.hooks.Load() == nil {
		if sum := c.total.word.Add(n); sum <= c.total.limit || c.total.pass(sum, n) {
			return
		}
	}
	c.settle(c.record(v))
}

// AddContext is Add that keeps the span in ctx as an exemplar, if it is sampled.
func (c *Counter[T]) AddContext(ctx context.Context, v T) {
	err := c.record(v)
	if err != nil {
		c.settle(err)
	} else if e := newExemplar(ctx, v); e != nil {
		c.exemplar.Store(e)
	}
}

// TryAdd is Add that returns why v is not recorded, and does not count it.
func (c *Counter[T]) TryAdd(v T) error { return refused(c.series.family, v, c.record(v)) }

// Value is the total.
func (c *Counter[T]) Value() T { return c.total.load() }

func (c *Counter[T]) record(v T) error {
	h := c.hooks.Load()
	if h == nil && isFloat[T]() && v > 0 && c.total.addFrac(float64(v)) {
		return nil
	}
	if err := checkFinite(v); err != nil {
		return err
	}
	if v < 0 {
		return ErrNegative
	}
	if tooLarge(v) {
		return ErrOverflow
	}
	if err := h.check(v); err != nil {
		return err
	}
	now, ok := c.total.add(v)
	if !ok {
		return ErrOverflow
	}
	h.tell(&c.series, now-v, now)
	return nil
}
