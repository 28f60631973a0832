// Package constraint says what measured values are allowed to be, whatever their type.
package constraint

import (
	"errors"
	"fmt"
	"math"
)

// Number is what a measured value may be.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// Constraint says which values are allowed. The zero value allows all.
type Constraint[T Number] struct {
	// Min and Max are the bounds, allowed themselves; nil is none. NaN is within no bounds.
	Min, Max *T
	// Finite forbids NaN and the infinities.
	Finite bool
	// Integer forbids fractions, and with them NaN and the infinities.
	Integer bool
	// Monotonic forbids a value below the previous one.
	Monotonic bool
}

// Violation is the constraint that a value breaks, in the words of the configuration.
type Violation string

// What a value can break.
const (
	None         Violation = ""
	NotFinite    Violation = "finite"
	NotInteger   Violation = "integer"
	BelowMin     Violation = "min"
	AboveMax     Violation = "max"
	NotMonotonic Violation = "monotonic"
)

// Validate returns all that is wrong with the constraint itself, joined.
func (c Constraint[T]) Validate() error {
	var errs []error
	if c.Min != nil && isNaN(*c.Min) {
		errs = append(errs, errors.New("min: must be a number"))
	}
	if c.Max != nil && isNaN(*c.Max) {
		errs = append(errs, errors.New("max: must be a number"))
	}
	if c.Min != nil && c.Max != nil && *c.Min > *c.Max {
		errs = append(errs, fmt.Errorf("min: must not be above max, %v is above %v", *c.Min, *c.Max))
	}
	if len(errs) == 0 {
		errs = append(errs, c.nothingAllowed())
	}
	return errors.Join(errs...)
}

// nothingAllowed returns an error if bounds that fit each other leave no value to the rest of the constraint.
func (c Constraint[T]) nothingAllowed() error {
	rest := NotFinite
	if c.Integer {
		rest = NotInteger
	}
	switch {
	case (c.Finite || c.Integer) && c.Min != nil && *c.Min > 0 && !isFinite(*c.Min):
		return fmt.Errorf("%s: there is none from min %v on", rest, *c.Min)
	case (c.Finite || c.Integer) && c.Max != nil && *c.Max < 0 && !isFinite(*c.Max):
		return fmt.Errorf("%s: there is none up to max %v", rest, *c.Max)
	case c.Integer && c.Min != nil && c.Max != nil && !isInteger(*c.Min) && T(math.Ceil(float64(*c.Min))) > *c.Max:
		return fmt.Errorf("%s: there is none between min %v and max %v", rest, *c.Min, *c.Max)
	}
	return nil
}

// Check returns the first constraint that v breaks: finite, integer, min, max. It knows nothing of previous values.
func (c Constraint[T]) Check(v T) Violation {
	switch {
	case c.Finite && !isFinite(v):
		return NotFinite
	case c.Integer && !isInteger(v):
		return NotInteger
	case c.Min != nil && (isNaN(v) || v < *c.Min):
		return BelowMin
	case c.Max != nil && (isNaN(v) || v > *c.Max):
		return AboveMax
	}
	return None
}

// CheckAfter is Check for a value that follows another.
func (c Constraint[T]) CheckAfter(previous, v T) Violation {
	if broken := c.Check(v); broken != None {
		return broken
	}
	if c.Monotonic && v < previous {
		return NotMonotonic
	}
	return None
}

// Clamp returns the allowed value next to v, false if there is none: for NaN, and for an infinity that is not allowed and
// has no bound on its side. Halves are rounded away from zero.
func (c Constraint[T]) Clamp(v T) (T, bool) {
	if isNaN(v) {
		return v, c.Check(v) == None
	}
	if c.Min != nil && v < *c.Min {
		v = *c.Min
	}
	if c.Max != nil && v > *c.Max {
		v = *c.Max
	}
	if c.Integer && !isInteger(v) {
		v = c.round(v)
	}
	return v, c.Check(v) == None
}

// round returns the integer next to v that is within the bounds. Only floating point gets here.
func (c Constraint[T]) round(v T) T {
	r := T(math.Round(float64(v)))
	if c.Max != nil && r > *c.Max {
		r = T(math.Floor(float64(v)))
	}
	if c.Min != nil && r < *c.Min {
		r = T(math.Ceil(float64(v)))
	}
	return r
}

// ClampAfter is Clamp for a value that follows another.
func (c Constraint[T]) ClampAfter(previous, v T) (T, bool) {
	if c.Monotonic && v < previous {
		v = previous
	}
	clamped, ok := c.Clamp(v)
	return clamped, ok && c.CheckAfter(previous, clamped) == None
}

// Empty reports whether all values are allowed.
func (c Constraint[T]) Empty() bool {
	return c.Min == nil && c.Max == nil && !c.Finite && !c.Integer && !c.Monotonic
}

func isNaN[T Number](v T) bool { return v != v } //nolint:gocritic // true of NaN, whatever the type

// isFinite uses that an infinity less itself is NaN.
func isFinite[T Number](v T) bool { return v-v == 0 } //nolint:gocritic // false of infinities

func isInteger[T Number](v T) bool {
	if T(1)/2 == 0 {
		return true
	}
	f := float64(v)
	return f == math.Trunc(f) && isFinite(v)
}
