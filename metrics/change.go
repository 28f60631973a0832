package metrics

import (
	"slices"
	"sync"

	"go.opentelemetry.io/otel/attribute"

	"github.com/sluice-metrics/sluice/priority"
)

// Priority orders the observers of an instrument.
type Priority = priority.Priority

// The priorities there are, in the order in which observers are told.
const (
	PriorityCritical = priority.Critical
	PriorityHigh     = priority.High
	PriorityNormal   = priority.Normal
	PriorityLow      = priority.Low
)

// Change is what an observer is told of: of a counter or gauge the value before and after, of a histogram or summary the
// observation before, zero if there was none since someone observes, and this one.
type Change[T Number] struct {
	Old, New T
	series   *series
}

// Instrument is the name of the instrument.
func (c Change[T]) Instrument() string { return c.series.family.name }

// Label is the value of one of the series' labels, constant ones included, or "" if it has none of the name.
func (c Change[T]) Label(name string) string {
	for i := range c.series.labels {
		if c.series.labels[i].name == name {
			return c.series.labels[i].value
		}
	}
	return ""
}

// Attributes are the labels of the series.
func (c Change[T]) Attributes() attribute.Set { return c.series.attributes() }

// observer is one function that is told of changes.
type observer[T Number] struct {
	priority Priority
	tell     func(Change[T])
}

// hooks is all that a record does besides recording. It never changes; no hooks at all are a nil pointer, which is all
// that an instrument without constraints and observers looks at.
type hooks[T Number] struct {
	constraints *checked[T] // nil if there are none
	observers   []*observer[T]
}

func newHooks[T Number](c Constraints[T]) *hooks[T] {
	if c.empty() {
		return nil
	}
	return &hooks[T]{constraints: &checked[T]{bounds: c.bounds(), validate: c.Validate}}
}

// check is nil-safe, as the other methods are.
func (h *hooks[T]) check(v T) error {
	if h == nil || h.constraints == nil {
		return nil
	}
	return h.constraints.check(v)
}

func (h *hooks[T]) observed() bool { return h != nil && len(h.observers) > 0 }

func (h *hooks[T]) tell(s *series, old, now T) {
	if h == nil {
		return
	}
	for _, o := range h.observers {
		o.tell(Change[T]{Old: old, New: now, series: s})
	}
}

// with adds an observer after those of its priority.
func (h *hooks[T]) with(o *observer[T]) *hooks[T] {
	if h == nil {
		return &hooks[T]{observers: []*observer[T]{o}}
	}
	at := len(h.observers)
	for at > 0 && o.priority.Before(h.observers[at-1].priority) {
		at--
	}
	return &hooks[T]{constraints: h.constraints, observers: slices.Insert(slices.Clone(h.observers), at, o)}
}

func (h *hooks[T]) without(o *observer[T]) *hooks[T] {
	if h == nil {
		return nil
	}
	left := slices.DeleteFunc(slices.Clone(h.observers), func(x *observer[T]) bool { return x == o })
	if len(left) == 0 {
		return h.unobserved()
	}
	return &hooks[T]{constraints: h.constraints, observers: left}
}

func (h *hooks[T]) unobserved() *hooks[T] {
	if h == nil || h.constraints == nil {
		return nil
	}
	return &hooks[T]{constraints: h.constraints}
}

// subscribe adds an observer by edit, under the lock, and returns what removes it, which may be called twice.
func subscribe[T Number](mu *sync.Mutex, p Priority, tell func(Change[T]), edit func(func(*hooks[T]) *hooks[T])) (stop func()) {
	o := &observer[T]{priority: p, tell: tell}
	mu.Lock()
	defer mu.Unlock()
	edit(func(h *hooks[T]) *hooks[T] { return h.with(o) })
	return func() {
		mu.Lock()
		defer mu.Unlock()
		edit(func(h *hooks[T]) *hooks[T] { return h.without(o) })
	}
}
