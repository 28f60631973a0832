package metrics

import (
	"errors"
	"fmt"
)

// Why a value is not recorded. [errors.Is] finds them in what the Try methods return.
var (
	// ErrNaN is for NaN, which no gauge with bounds and no other instrument takes: it would spoil a sum for ever.
	ErrNaN error = &refusal{0, "nan", "is not a number"}
	// ErrInfinite is for an infinity, which no gauge adds and no other instrument takes.
	ErrInfinite error = &refusal{1, "infinite", "is infinite"}
	// ErrNegative is for a negative amount given to a counter.
	ErrNegative error = &refusal{2, "negative", "is negative"}
	// ErrBelowMin is for a value below Constraints.Min.
	ErrBelowMin error = &refusal{3, "below_min", "is below the minimum"}
	// ErrAboveMax is for a value above Constraints.Max.
	ErrAboveMax error = &refusal{4, "above_max", "is above the maximum"}
	// ErrInvalid is for a value that Constraints.Validate refuses; its own error is wrapped beside.
	ErrInvalid error = errInvalid
	// ErrOverflow is for a value that would take the instrument out of its type's range, which is never wrapped.
	ErrOverflow error = &refusal{6, "overflow", "takes the value out of range"}
)

const refusals = 7

var errInvalid = &refusal{5, "invalid", "is not valid"}

// refusal is a reason not to record a value.
type refusal struct {
	index  int
	reason string // as the attribute of the self-metric
	text   string
}

func (r *refusal) Error() string { return r.text }

// invalid is ErrInvalid with what a validation said.
func invalid(cause error) error { return fmt.Errorf("%w: %w", ErrInvalid, cause) }

// refusalIn finds the refusal in an error of this package.
func refusalIn(err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	return errInvalid
}

// Must returns the instrument, or panics with the error: for those that are made when a program starts.
//
//	var requests = metrics.Must(metrics.NewCounter[int64]("requests", "Requests served.", nil, metrics.Constraints[int64]{}))
func Must[I any](instrument I, err error) I {
	if err != nil {
		panic(err)
	}
	return instrument
}
