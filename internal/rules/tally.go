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

// fail records that evaluating text, a condition or statement, returned err.
func (t *tally) fail(text string, err error) {
	t.Errors++
	t.halted = t.halted || t.policy.halt
	if t.FirstError == nil && !t.policy.silent {
		t.FirstError = fmt.Errorf("%s: %w", text, err)
	}
}
