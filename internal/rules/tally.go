package rules

import (
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
)

// tally gathers what one rule does to one batch.
type tally struct {
	Counts
	policy errorPolicy
	// halted is set by the first error of a propagating rule: nothing more is evaluated.
	halted bool
	// executed, if not nil, is told of each statement that has been executed.
	executed func(text string)
	// pending is told of each value statement that is to run on the point itself.
	pending func(v *valueStatement)
	// failed, if not nil, is told of what fails.
	failed func(text string)
}

// errorPolicy is an error mode as the engine needs it. The zero value is ottl.IgnoreError.
type errorPolicy struct {
	silent bool
	halt   bool
}

func newErrorPolicy(mode ottl.ErrorMode) errorPolicy {
	return errorPolicy{silent: mode == ottl.SilentError, halt: mode == ottl.PropagateError}
}

// end halts the rule whatever its mode, unless err is nil.
func (t *tally) end(err error) {
	if err != nil {
		t.Errors++
		t.halted, t.FirstError = true, err
	}
}

// addErrors adds so many of the errors that the rule had elsewhere.
func (t *tally) addErrors(o *tally, errors int) {
	t.Errors += errors
	t.halted = t.halted || o.halted
	if t.FirstError == nil {
		t.FirstError = o.FirstError
	}
}

// fail records that evaluating text, a condition or statement, returned err.
func (t *tally) fail(text string, err error) {
	if t.failed != nil {
		t.failed(text)
	}
	t.Errors++
	t.halted = t.halted || t.policy.halt
	if t.FirstError == nil && !t.policy.silent {
		t.FirstError = fmt.Errorf("%s: %w", text, err)
	}
}
