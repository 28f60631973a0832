package rules

import (
	"errors"
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
)

// Rule is one step of a program. Exactly one of Drop, Keep and Transform must have entries.
type Rule struct {
	// Name identifies the rule in counts and errors. Empty means "rules[i]"; names must be unique.
	Name string
	// Drop holds conditions: whatever matches any of them is removed.
	Drop []string
	// Keep holds conditions of one context: whatever matches none of them is removed.
	Keep []string
	// Transform holds statements, executed in order.
	Transform []string
	// ErrorMode says what a run-time error does; empty means Settings.ErrorMode.
	ErrorMode ottl.ErrorMode
}

var (
	errOneAction     = errors.New("exactly one of drop, keep and transform must be set, and not be empty")
	errKeepContexts  = errors.New("all conditions of one keep rule must be of the same context")
	errDuplicateName = errors.New("name is already used")
)

func (r Rule) validate() error {
	actions := 0
	for _, lines := range [][]string{r.Drop, r.Keep, r.Transform} {
		if len(lines) > 0 {
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
func (r Rule) label(index int) string {
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
