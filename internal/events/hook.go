package events

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sluice-metrics/sluice/internal/dispatch"
)

// Settings are those of a hook.
type Settings struct {
	// Lane is how events are delivered. Stamp is set by the observer.
	Lane dispatch.Settings[Event]
	// On are the kinds that the hook is told of.
	On Kinds
	// Match says of which series; nil is all.
	Match Matcher
	// Filter, if not nil, is asked of each series that Match lets through.
	Filter func(*Series) bool
	// Threshold must be set if On has Threshold, Cardinality if it has that.
	Threshold   *Bound
	Cardinality *Bound
	// Debounce is how long events of a series wait for later ones that replace them, after one was delivered. 0: not at all.
	Debounce time.Duration
	// Broken, if not nil, is told of a panic of Match or Filter. The series then does not match.
	Broken func(error)
}

// Bound is what a value is not to be beyond.
type Bound struct {
	// Above and Below say on which side of Limit, and Clear is where the value has to be back, the limit included.
	Below        bool
	Limit, Clear float64
	// For is how long the value has to be beyond the limit, by the points' timestamps.
	For time.Duration
}

func (b *Bound) beyond(v float64) bool {
	if b.Below {
		return v < b.Limit
	}
	return v > b.Limit
}

func (b *Bound) back(v float64) bool {
	if b.Below {
		return v >= b.Clear
	}
	return v <= b.Clear
}

// Hook is one that is told of events.
type Hook struct {
	set    Settings
	lane   *dispatch.Lane[Event]
	index  int
	closed atomic.Bool

	debounce *debounce
	counts   *counts
}

// Lane is where the hook's events wait.
func (h *Hook) Lane() *dispatch.Lane[Event] { return h.lane }

// verdict is that of the matcher and the filter.
func (h *Hook) verdict(c *Candidate) (v Verdict) {
	defer h.survive(func() { v = No })
	v = Yes
	if h.set.Match != nil {
		v = h.set.Match.Metric(c)
	}
	if v == Yes && h.set.Filter != nil {
		v = ByPoint
	}
	return v
}

// matches is asked of the series of a metric whose verdict is ByPoint.
func (h *Hook) matches(c *Candidate, s func() *Series) (yes bool) {
	defer h.survive(func() { yes = false })
	if m := h.set.Match; m != nil {
		if v := m.Metric(c); v == No || v == ByPoint && !m.Point(c) {
			return false
		}
	}
	return h.set.Filter == nil || h.set.Filter(s())
}

func (h *Hook) survive(no func()) {
	if fault := recover(); fault != nil {
		no()
		if h.set.Broken != nil {
			h.set.Broken(fmt.Errorf("panic: %v", fault))
		}
	}
}

// hookSet is what several hooks have in common: they match the same series.
type hookSet struct {
	hooks []*Hook
	on    [kinds][]*Hook
	mask  Kinds
}

func newHookSet(hooks []*Hook) *hookSet {
	s := &hookSet{hooks: hooks}
	for _, h := range hooks {
		for k := range kinds {
			if h.set.On.Has(k) {
				s.on[k] = append(s.on[k], h)
				s.mask |= 1 << k
			}
		}
	}
	return s
}
