package metrics

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
)

// core is what all instruments have, for each series of theirs. What records look at comes first, and the series after
// it keeps what they change on another cache line.
type core[T Number] struct {
	hooks  atomic.Pointer[hooks[T]]
	series series
}

func (c *core[T]) init(f *family, labels []label, h *hooks[T]) {
	c.hooks.Store(h)
	c.series.init(f, labels)
}

// Name is the instrument's name, as OTel has it.
func (c *core[T]) Name() string { return c.series.family.name }

func (c *core[T]) describe() *family { return c.series.family }

// OnChange has f told of each change from now on, in the goroutine that records and before it goes on: f must be quick,
// and must not record to the same instrument. Observers of a higher priority are told first, those of the same in the
// order they came. Goroutines that record at once may tell their changes in another order than they took effect. The
// function returned ends it; a record under way may still tell f once.
func (c *core[T]) OnChange(p Priority, f func(Change[T])) (stop func()) {
	return subscribe(&c.series.family.mu, p, f, c.editHooks)
}

func (c *core[T]) editHooks(edit func(*hooks[T]) *hooks[T]) { c.hooks.Store(edit(c.hooks.Load())) }

// settle counts a value that was refused.
func (c *core[T]) settle(err error) {
	if err != nil {
		c.series.family.drop(err)
	}
}

// arguments are those that all constructors take.
type arguments[T Number] struct {
	kind        kind
	name, help  string
	labels      Labels
	constraints Constraints[T]
	options     []Option
}

// parts are arguments, checked.
type parts[T Number] struct {
	family   *family
	hooks    *hooks[T]
	settings *settings
}

// single is for an instrument of one series.
func (a arguments[T]) single() (*parts[T], error) {
	return a.assemble(nil, nil)
}

// assembleVec is for one whose labels are the fields of L.
func assembleVec[L comparable, T Number](a arguments[T]) (*parts[T], *shape[L], error) {
	s, shapeErr := newShape[L]()
	p, err := a.assemble(s.names, shapeErr)
	s.constant = p.family.constant
	return p, s, err
}

// assemble returns all that is wrong, joined. An instrument with names of labels is a Vec.
func (a arguments[T]) assemble(names []label, shapeErr error) (*parts[T], error) {
	s := newSettings(a.options)
	f, err := newFamily(a.kind, a.name, a.help, a.labels, s)
	isVec := names != nil || shapeErr != nil
	errs := []error{err, s.check(a.kind, isVec), shapeErr, checkDistinct(a.kind, slices.Concat(names, f.constant))}
	if err := a.constraints.bounds().Validate(); err != nil {
		errs = append(errs, fmt.Errorf("constraints: %w", err))
	}
	return &parts[T]{f, newHooks(a.constraints), s}, f.wrap(errors.Join(errs...))
}
