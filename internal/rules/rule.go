package rules

import (
	"errors"
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"

	"github.com/sluice-metrics/sluice/internal/relabel"
)

// Rule is one step of a program. Exactly one of its actions, Drop to Stage, must be set.
type Rule struct {
	// Name identifies the rule in counts and errors. Empty means "rules[i]"; names must be unique.
	Name string
	// Drop holds conditions: whatever matches any of them is removed.
	Drop []string
	// Keep holds conditions of one context: whatever matches none of them is removed.
	Keep []string
	// Transform holds statements, executed in order.
	Transform []string
	// Passes are run one after the other, each over the whole batch.
	Passes []Pass
	// Groups are run one after the other, each over the whole batch.
	Groups []Group
	// Relabel relabels data points as Prometheus relabels samples.
	Relabel *relabel.Relabeler
	// Constrain says what the numbers of data points must be.
	Constrain *Constrain
	// Stage is a rule that is made elsewhere.
	Stage Stage
	// ErrorMode says what a run-time error does; empty means Settings.ErrorMode.
	ErrorMode ottl.ErrorMode
	// DryRun counts and samples what the rule would do, and does nothing.
	DryRun bool
}

// Pass is one pass of contrib's filter processor: whatever matches any of the conditions is removed, and what is empty
// then, even if it came in so.
type Pass struct {
	Lists []Conditions
	// ErrorMode overrides that of the rule, if it is not empty.
	ErrorMode ottl.ErrorMode
}

// Conditions are OTTL conditions under one key.
type Conditions struct {
	// Key names the conditions in errors.
	Key string
	// Context is what paths without one belong to. Empty means that each condition has its own, inferred from its paths.
	Context string
	Texts   []string
}

// Group is a group of statements of contrib's transform processor.
type Group struct {
	// Key names the group in errors.
	Key string
	// Context is what paths without one belong to. Empty means that it is inferred from the paths.
	Context string
	// Conditions say on what the statements run; if there are none, on everything.
	Conditions []string
	Statements []string
	// ErrorMode overrides that of the rule, if it is not empty.
	ErrorMode ottl.ErrorMode
}

var (
	errOneAction = errors.New("exactly one of drop, keep, transform, relabel, constrain, metrics, metric_conditions, " +
		"metric_statements and function must be set, and not be empty")
	errKeepContexts  = errors.New("all conditions of one keep rule must be of the same context")
	errDuplicateName = errors.New("name is already used")
)

func (r *Rule) validate() error {
	actions := 0
	for _, set := range []bool{
		len(r.Drop) > 0, len(r.Keep) > 0, len(r.Transform) > 0, len(r.Passes) > 0, len(r.Groups) > 0,
		r.Relabel != nil, r.Constrain != nil, r.Stage != nil,
	} {
		if set {
			actions++
		}
	}
	if actions != 1 {
		return errOneAction
	}
	return nil
}

func defaultName(index int) string { return fmt.Sprintf("rules[%d]", index) }

// label names the rule in an error by its position, and by its name if it has one of its own.
func (r *Rule) label(index int) string {
	if r.Name == "" {
		return defaultName(index)
	}
	return fmt.Sprintf("rules[%d] (%q)", index, r.Name)
}

func validateErrorMode(mode ottl.ErrorMode) error {
	switch mode {
	case ottl.IgnoreError, ottl.SilentError, ottl.PropagateError:
		return nil
	}
	return fmt.Errorf("error_mode: must be ignore, silent or propagate, not %q", mode)
}
