package metrics

import (
	"math"

	"github.com/sluice-metrics/sluice/internal/constraint"
)

// Constraints say what an instrument accepts, beyond what its kind and type already demand. They are checked on every
// record: of a counter the amount added, of a gauge the value it would have, of a histogram or summary the
// observation. The zero value accepts everything.
//
//	Constraints[int64]{Min: new(int64(0)), Max: new(int64(100))}
type Constraints[T Number] struct {
	// Min and Max are the bounds, accepted themselves; nil is none. NaN is within no bounds.
	Min, Max *T
	// Validate refuses a value by an error. It is called by whoever records, concurrently and, for a gauge that others
	// change meanwhile, more than once.
	Validate func(T) error
}

// Finite is a Validate that refuses NaN and the infinities, which a gauge without constraints accepts.
func Finite[T Number](v T) error { return checkFinite(v) }

func (c Constraints[T]) empty() bool { return c.Min == nil && c.Max == nil && c.Validate == nil }

// bounds copies the limits, so that a caller who changes them later changes nothing here.
func (c Constraints[T]) bounds() constraint.Constraint[T] {
	return constraint.Constraint[T]{Min: copied(c.Min), Max: copied(c.Max)}
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return new(*p)
}

// checked is Constraints as a record needs them.
type checked[T Number] struct {
	bounds   constraint.Constraint[T]
	validate func(T) error
}

func (c *checked[T]) check(v T) error {
	switch broken := c.bounds.Check(v); {
	case broken != constraint.None && math.IsNaN(float64(v)):
		return ErrNaN
	case broken == constraint.BelowMin:
		return ErrBelowMin
	case broken == constraint.AboveMax:
		return ErrAboveMax
	}
	if c.validate == nil {
		return nil
	}
	if err := c.validate(v); err != nil {
		return invalid(err)
	}
	return nil
}
