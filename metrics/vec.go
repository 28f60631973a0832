package metrics

import (
	"iter"
	"maps"
	"sync"
	"sync/atomic"
)

// vec finds the series of a set of labels: S is what records to it.
//
// What it has found before is in a map that never changes, so that finding it again takes no lock and allocates nothing.
// New series go into a larger map under the lock, which replaces the first one as soon as it was asked as often as it is
// long: that makes copying cost a constant for each look-up. Once the limit is reached, all are in the first map.
type vec[L comparable, S any] struct {
	found    atomic.Pointer[map[L]*S]
	overflow atomic.Pointer[S] // once the limit is reached
	shape    *shape[L]
	limit    int
	create   func([]label) *S
	mu       *sync.Mutex
	all      map[L]*S // guarded by mu; nil if found has everything
	misses   int      // guarded by mu
	spilled  *S       // guarded by mu: the overflow series, which stays when series are deleted
}

func (v *vec[L, S]) init(p *shape[L], limit int, mu *sync.Mutex, create func([]label) *S) {
	v.shape, v.limit, v.mu, v.create = p, limit, mu, create
	v.found.Store(&map[L]*S{})
}

// with returns the series of the labels, which it makes, or the overflow series.
func (v *vec[L, S]) with(labels L) *S {
	if s, ok := (*v.found.Load())[labels]; ok {
		return s
	}
	return v.miss(labels)
}

func (v *vec[L, S]) miss(labels L) *S {
	if labels, dirty := v.shape.clean(labels); dirty {
		return v.with(labels)
	}
	if s := v.overflow.Load(); s != nil {
		if own, ok := (*v.found.Load())[labels]; ok { // since with looked
			return own
		}
		return s
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if s := v.missed(labels); s != nil {
		return s
	}
	return v.add(labels)
}

// missed looks where the lock is needed.
func (v *vec[L, S]) missed(labels L) *S {
	if s, ok := (*v.found.Load())[labels]; ok {
		return s
	}
	s, ok := v.all[labels]
	if !ok {
		return nil
	}
	if v.misses++; v.misses >= len(v.all) {
		v.promote()
	}
	return s
}

func (v *vec[L, S]) promote() {
	if v.all != nil {
		v.found.Store(new(v.all))
		v.all, v.misses = nil, 0
	}
}

func (v *vec[L, S]) add(labels L) *S {
	if v.size() >= v.limit-1 {
		return v.spill()
	}
	if v.all == nil {
		v.all = maps.Clone(*v.found.Load())
	}
	s := v.create(v.shape.labels(labels))
	v.all[labels] = s
	return s
}

// spill begins to use the overflow series.
func (v *vec[L, S]) spill() *S {
	v.promote()
	if v.spilled == nil {
		v.spilled = v.create(v.shape.overflow())
	}
	v.overflow.Store(v.spilled)
	return v.spilled
}

func (v *vec[L, S]) size() int { return max(len(v.all), len(*v.found.Load())) }

// delete forgets a series, and makes room for another one. It returns the series, nil if there was none.
func (v *vec[L, S]) delete(labels L) *S {
	labels, _ = v.shape.clean(labels)
	v.mu.Lock()
	defer v.mu.Unlock()
	left := maps.Clone(*v.found.Load())
	maps.Copy(left, v.all)
	deleted := left[labels]
	delete(left, labels)
	v.all = left
	v.promote()
	if len(left) < v.limit-1 {
		v.overflow.Store(nil)
	}
	return deleted
}

// list returns all series, the overflow series last.
func (v *vec[L, S]) list() []*S {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.listLocked()
}

func (v *vec[L, S]) listLocked() []*S {
	from := v.all
	if from == nil {
		from = *v.found.Load()
	}
	list := make([]*S, 0, len(from)+1)
	for _, s := range from {
		list = append(list, s)
	}
	if v.spilled != nil {
		list = append(list, v.spilled)
	}
	return list
}

// vecCore is what the Vecs have in common.
type vecCore[T Number, L comparable, S any] struct {
	family *family
	vec    vec[L, S]
	hooks  *hooks[T] // of new series; guarded by the family's lock
	core   func(*S) *core[T]
}

func (c *vecCore[T, L, S]) init(p *parts[T], s *shape[L], create func([]label, *hooks[T]) *S, core func(*S) *core[T]) {
	c.family, c.hooks, c.core = p.family, p.hooks, core
	c.vec.init(s, p.settings.seriesLimit, &c.family.mu, func(labels []label) *S { return create(labels, c.hooks) })
}

// Name is the instrument's name, as OTel has it.
func (c *vecCore[T, L, S]) Name() string { return c.family.name }

// Delete forgets the series of the labels, and reports whether there was one. Whoever holds it may go on recording to it,
// but nobody sees that.
func (c *vecCore[T, L, S]) Delete(labels L) bool {
	s := c.vec.delete(labels)
	if s == nil {
		return false
	}
	c.family.mu.Lock()
	defer c.family.mu.Unlock()
	c.core(s).editHooks((*hooks[T]).unobserved)
	return true
}

// OnChange has f told of each change of any series, as OnChange of one series does.
func (c *vecCore[T, L, S]) OnChange(p Priority, f func(Change[T])) (stop func()) {
	return subscribe(&c.family.mu, p, f, func(edit func(*hooks[T]) *hooks[T]) {
		c.hooks = edit(c.hooks)
		for _, s := range c.vec.listLocked() {
			c.core(s).editHooks(edit)
		}
	})
}

func (c *vecCore[T, L, S]) describe() *family { return c.family }

func (c *vecCore[T, L, S]) each() iter.Seq[*S] {
	return func(yield func(*S) bool) {
		for _, s := range c.vec.list() {
			if !yield(s) {
				return
			}
		}
	}
}

// CounterVec is a counter for each set of labels.
type CounterVec[T Number, L comparable] struct {
	vecCore[T, L, Counter[T]]
}

// NewCounterVec returns a counter whose labels are the fields of L: a struct of strings, each with a tag that names the
// label.
//
//	type Route struct {
//		Method string `label:"http.request.method"`
//		Route  string `label:"http.route"`
//	}
func NewCounterVec[T Number, L comparable](name, help string, labels Labels, constraints Constraints[T], opts ...Option) (*CounterVec[T, L], error) {
	p, s, err := assembleVec[L](arguments[T]{counterKind, name, help, labels, constraints, opts})
	if err != nil {
		return nil, err
	}
	v := &CounterVec[T, L]{}
	v.init(p, s, func(labels []label, h *hooks[T]) *Counter[T] { return newCounter(p, labels, h) },
		func(c *Counter[T]) *core[T] { return &c.core })
	return v, nil
}

// With returns the counter of the labels. It may be kept, and costs little to be asked for again.
func (v *CounterVec[T, L]) With(labels L) *Counter[T] { return v.vec.with(labels) }

// GaugeVec is a gauge for each set of labels.
type GaugeVec[T Number, L comparable] struct {
	vecCore[T, L, Gauge[T]]
}

// NewGaugeVec is for gauges what [NewCounterVec] is for counters.
func NewGaugeVec[T Number, L comparable](name, help string, labels Labels, constraints Constraints[T], opts ...Option) (*GaugeVec[T, L], error) {
	p, s, err := assembleVec[L](arguments[T]{gaugeKind, name, help, labels, constraints, opts})
	if err != nil {
		return nil, err
	}
	v := &GaugeVec[T, L]{}
	v.init(p, s, func(labels []label, h *hooks[T]) *Gauge[T] { return newGauge(p, labels, h) },
		func(g *Gauge[T]) *core[T] { return &g.core })
	return v, nil
}

// With returns the gauge of the labels. It may be kept, and costs little to be asked for again.
func (v *GaugeVec[T, L]) With(labels L) *Gauge[T] { return v.vec.with(labels) }

// HistogramVec is a histogram for each set of labels.
type HistogramVec[T Number, L comparable] struct {
	vecCore[T, L, Histogram[T]]
}

// NewHistogramVec is for histograms what [NewCounterVec] is for counters.
func NewHistogramVec[T Number, L comparable](name, help string, labels Labels, constraints Constraints[T], opts ...Option) (*HistogramVec[T, L], error) {
	p, s, err := assembleVec[L](arguments[T]{histogramKind, name, help, labels, constraints, opts})
	if err != nil {
		return nil, err
	}
	v, plan := &HistogramVec[T, L]{}, p.settings.histogramPlan()
	v.init(p, s, func(labels []label, h *hooks[T]) *Histogram[T] { return newHistogram(p, plan, labels, h) },
		func(h *Histogram[T]) *core[T] { return &h.core })
	return v, nil
}

// With returns the histogram of the labels. It may be kept, and costs little to be asked for again.
func (v *HistogramVec[T, L]) With(labels L) *Histogram[T] { return v.vec.with(labels) }

// SummaryVec is a summary for each set of labels.
type SummaryVec[T Number, L comparable] struct {
	vecCore[T, L, Summary[T]]
}

// NewSummaryVec is for summaries what [NewCounterVec] is for counters.
func NewSummaryVec[T Number, L comparable](name, help string, labels Labels, constraints Constraints[T], opts ...Option) (*SummaryVec[T, L], error) {
	p, s, err := assembleVec[L](arguments[T]{summaryKind, name, help, labels, constraints, opts})
	if err != nil {
		return nil, err
	}
	v, plan, report := &SummaryVec[T, L]{}, p.settings.summaryPlan(), p.settings.summaryReport()
	v.init(p, s, func(labels []label, h *hooks[T]) *Summary[T] { return newSummary(p, plan, report, labels, h) },
		func(s *Summary[T]) *core[T] { return &s.core })
	return v, nil
}

// With returns the summary of the labels. It may be kept, and costs little to be asked for again.
func (v *SummaryVec[T, L]) With(labels L) *Summary[T] { return v.vec.with(labels) }
