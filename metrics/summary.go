package metrics

import (
	"math"
	"sync/atomic"
	"time"
)

// Summary reports quantiles of the observations of late, each within a bound of a true one that is relative to it
// ([WithRelativeError]), with their number and sum since the beginning. Its methods may be called by any number of
// goroutines.
//
// It keeps counts in exponential buckets fine enough for the bound, at most 40 octaves of them: observations more than
// 10^12 times smaller than the largest ones of their window count as the smallest ones kept.
type Summary[T Number] struct {
	core[T]
	armed     atomic.Bool   // a timer will turn to the next window
	last      atomic.Uint64 // bits of the last observation, kept while someone observes
	recorder  recorder[T]
	report    *summaryReport
	windows   []*tally[T] // guarded by the recorder's lock; nil before the first turn
	current   int         // whose tally the recorder has
	forgotten struct {    // what the windows before the current one held
		count uint64
		sum   sum
	}
}

// summaryReport is what a summary reports of.
type summaryReport struct {
	quantiles []float64
	window    time.Duration
	windows   int
}

const summaryOctaves = 40

// NewSummary returns a summary of one series. Constraints apply to the observations.
func NewSummary[T Number](name, help string, labels Labels, constraints Constraints[T], opts ...Option) (*Summary[T], error) {
	p, err := arguments[T]{summaryKind, name, help, labels, constraints, opts}.single()
	if err != nil {
		return nil, err
	}
	return newSummary(p, p.settings.summaryPlan(), p.settings.summaryReport(), p.family.constant, p.hooks), nil
}

func newSummary[T Number](p *parts[T], buckets *plan, r *summaryReport, labels []label, h *hooks[T]) *Summary[T] {
	s := &Summary[T]{report: r}
	s.init(p.family, labels, h)
	s.recorder.init(buckets, &tally[T]{})
	return s
}

// The defaults are shared, as they never change.
var (
	defaultSummaryPlan   = planSummary(DefaultRelativeError)
	defaultSummaryReport = &summaryReport{DefaultQuantiles(), DefaultMaxAge / DefaultAgeWindows, DefaultAgeWindows}
)

func (s *settings) summaryPlan() *plan {
	if s.accuracy == DefaultRelativeError {
		return defaultSummaryPlan
	}
	return planSummary(s.accuracy)
}

func (s *settings) summaryReport() *summaryReport {
	if !s.given("WithQuantiles") && !s.given("WithMaxAge") {
		return defaultSummaryReport
	}
	return &summaryReport{s.quantiles, s.maxAge / time.Duration(s.ageWindows), s.ageWindows}
}

func planSummary(accuracy float64) *plan {
	shift := uint8(finestScale)
	for shift > 0 && relativeError(shift) > accuracy {
		shift--
	}
	return planExponential(shift, summaryOctaves<<(finestScale-shift), 0, true)
}

// base is the ratio of a bucket's bounds.
func base(shift uint8) float64 { return math.Exp2(math.Ldexp(1, int(shift)-finestScale)) }

// relativeError is how far the harmonic mean of a bucket's bounds is from each of them.
func relativeError(shift uint8) float64 { return (base(shift) - 1) / (base(shift) + 1) }

// Observe records v, or counts and drops it: where it is NaN or infinite, an integer above int64, or breaks the
// constraints.
func (s *Summary[T]) Observe(v T) {
	if s.hooks.Load() != nil || v-v != 0 || tooLarge(v) { //nolint:gocritic // v-v is not 0 of NaN and infinities
		s.settle(s.observe(v))
		return
	}
	s.record(v)
}

// TryObserve is Observe that returns why v is not recorded, and does not count it.
func (s *Summary[T]) TryObserve(v T) error { return refused(s.series.family, v, s.observe(v)) }

func (s *Summary[T]) observe(v T) error {
	hooks := s.hooks.Load()
	if err := checkObservation(hooks, v); err != nil {
		return err
	}
	s.record(v)
	if hooks.observed() {
		hooks.tell(&s.series, fromBits[T](s.last.Swap(toBits(v))), v)
	}
	return nil
}

// record reads no clock: a timer, set by the first observation after an idle time, ends the windows.
func (s *Summary[T]) record(v T) {
	s.recorder.record(v)
	if !s.armed.Load() {
		s.arm()
	}
}

// arm sets the timer, unless it is set.
func (s *Summary[T]) arm() {
	if s.armed.CompareAndSwap(false, true) {
		time.AfterFunc(s.report.window, s.turn)
	}
}

// turn begins the next window and forgets the oldest. It goes on until all windows are empty, so that an idle summary
// costs nothing. It disarms first: an observation that it does not see will arm.
func (s *Summary[T]) turn() {
	s.recorder.mu.Lock()
	defer s.recorder.mu.Unlock()
	s.armed.Store(false)
	s.recorder.part()
	ended := s.recorder.tally
	s.forgotten.count += ended.count
	s.forgotten.sum.add(&ended.sum)
	if s.windows == nil {
		s.windows = make([]*tally[T], s.report.windows)
		s.windows[0] = ended
	}
	s.current = (s.current + 1) % len(s.windows)
	if s.windows[s.current] == nil {
		s.windows[s.current] = &tally[T]{}
		s.windows[s.current].start(s.recorder.plan)
	}
	s.windows[s.current].reset()
	s.recorder.tally = s.windows[s.current]
	for _, w := range s.windows {
		if w != nil && w.count > 0 {
			s.arm()
			return
		}
	}
}

// summarySnapshot is a summary at one moment.
type summarySnapshot struct {
	count     uint64
	sum       float64
	quantiles []float64 // NaN if there was no observation of late
}

func (s *Summary[T]) snapshot(quantiles []float64) summarySnapshot {
	var recent tally[T]
	snapshot := summarySnapshot{quantiles: make([]float64, len(quantiles))}
	s.recorder.read(func(now *tally[T]) {
		recent.start(s.recorder.plan)
		recent.merge(now)
		for i, w := range s.windows {
			if w != nil && i != s.current {
				recent.merge(w)
			}
		}
		total := s.forgotten.sum
		total.add(&now.sum)
		snapshot.count, snapshot.sum = s.forgotten.count+now.count, total.float()
	})
	for i, q := range quantiles {
		snapshot.quantiles[i] = recent.quantile(q)
	}
	return snapshot
}

// Quantile estimates the quantile of the observations of late: of n of them in order, the one at q times n, rounded up.
// It is NaN where there are none, or q is not from 0 to 1.
func (s *Summary[T]) Quantile(q float64) float64 {
	if !(q >= 0 && q <= 1) {
		return math.NaN()
	}
	return s.snapshot([]float64{q}).quantiles[0]
}

// Count is the number of observations since the beginning.
func (s *Summary[T]) Count() uint64 { return s.snapshot(nil).count }

// Sum is the sum of the observations since the beginning.
func (s *Summary[T]) Sum() float64 { return s.snapshot(nil).sum }
