package metrics

import (
	"context"
	"math"
	"sync/atomic"
)

// Histogram counts observations by buckets. Its methods may be called by any number of goroutines.
type Histogram[T Number] struct {
	core[T]
	exemplars exemplars[T]
	last      atomic.Uint64 // bits of the last observation, kept while someone observes
	recorder  recorder[T]
}

// NewHistogram returns a histogram of one series, with the buckets of [WithBounds] or [WithExponentialBuckets].
// Constraints apply to the observations.
func NewHistogram[T Number](name, help string, labels Labels, constraints Constraints[T], opts ...Option) (*Histogram[T], error) {
	p, err := arguments[T]{histogramKind, name, help, labels, constraints, opts}.single()
	if err != nil {
		return nil, err
	}
	return newHistogram(p, p.settings.histogramPlan(), p.family.constant, p.hooks), nil
}

func newHistogram[T Number](p *parts[T], buckets *plan, labels []label, h *hooks[T]) *Histogram[T] {
	made := &Histogram[T]{}
	made.init(p.family, labels, h)
	made.recorder.init(buckets, &tally[T]{})
	return made
}

var defaultHistogramPlan = planBounds(DefaultBounds())

func (s *settings) histogramPlan() *plan {
	e := s.exponential
	switch {
	case e == nil && !s.given("WithBounds"):
		return defaultHistogramPlan // shared, as it never changes
	case e == nil:
		return planBounds(s.bounds)
	}
	return planExponential(shiftFor(e.Factor), e.MaxBuckets, e.ZeroThreshold, false)
}

// shiftFor is that of the widest buckets that are not wider than the factor.
func shiftFor(factor float64) uint8 {
	scale := -math.Floor(math.Log2(math.Log2(factor)))
	return uint8(finestScale - min(finestScale, max(coarsestScale, scale)))
}

// Observe records v, or counts and drops it: where it is NaN or infinite, an integer above int64, or breaks the
// constraints.
func (h *Histogram[T]) Observe(v T) {
	if h.hooks.Load() != nil || v-v != 0 || tooLarge(v) { //nolint:gocritic // v-v is not 0 of NaN and infinities
		h.settle(h.observe(v))
		return
	}
	h.recorder.record(v)
}

// ObserveContext is Observe that keeps the span in ctx as an exemplar of v's bucket, if it is sampled.
func (h *Histogram[T]) ObserveContext(ctx context.Context, v T) {
	if err := h.observe(v); err != nil {
		h.settle(err)
	} else if e := newExemplar(ctx, v); e != nil {
		slot, slots := h.exemplarSlot(float64(v))
		h.exemplars.put(e, slot, slots)
	}
}

// TryObserve is Observe that returns why v is not recorded, and does not count it.
func (h *Histogram[T]) TryObserve(v T) error { return refused(h.series.family, v, h.observe(v)) }

func (h *Histogram[T]) observe(v T) error {
	hooks := h.hooks.Load()
	if err := checkObservation(hooks, v); err != nil {
		return err
	}
	h.recorder.record(v)
	if hooks.observed() {
		hooks.tell(&h.series, fromBits[T](h.last.Swap(toBits(v))), v)
	}
	return nil
}

func checkObservation[T Number](h *hooks[T], v T) error {
	if err := checkFinite(v); err != nil {
		return err
	}
	if tooLarge(v) {
		return ErrOverflow
	}
	return h.check(v)
}

// nativeExemplars is how many exemplars a histogram with exponential buckets keeps: those of neighbouring buckets, at the
// finest resolution, do not replace each other.
const nativeExemplars = 16

func (h *Histogram[T]) exemplarSlot(v float64) (slot, slots int) {
	if bounds := h.recorder.plan.bounds; bounds != nil {
		return slotAmong(bounds, v), len(bounds) + 1
	}
	if v == 0 {
		return 0, nativeExemplars
	}
	return int(bucketIndex(math.Abs(v)) >> h.recorder.plan.shift & (nativeExemplars - 1)), nativeExemplars
}

// snapshot is a histogram at one moment.
func (h *Histogram[T]) snapshot() (t *tally[T], e []*exemplar[T]) {
	e = h.exemplars.list() // before the counts, so that there is none of an observation not counted
	h.recorder.read(func(now *tally[T]) { t = now.clone() })
	return t, e
}

// Count is the number of observations.
func (h *Histogram[T]) Count() (n uint64) {
	h.recorder.read(func(t *tally[T]) { n = t.count })
	return n
}

// Sum is the sum of the observations. Of integers it is exact as long as it fits into int64.
func (h *Histogram[T]) Sum() (sum float64) {
	h.recorder.read(func(t *tally[T]) { sum = t.sum.float() })
	return sum
}
