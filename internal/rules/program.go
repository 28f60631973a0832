package rules

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Program is a compiled list of rules. It holds no state between batches: Run may be called concurrently.
type Program struct {
	rules []compiledRule
}

type compiledRule struct {
	name  string
	mode  errorPolicy
	stage stage
}

// stage is what a rule compiles to. It edits md in place and adds what it did to t.
// Once t is halted it may leave md half done, for the batch is refused.
type stage interface {
	apply(ctx context.Context, md pmetric.Metrics, t *tally)
}

// Counts is what one rule did to one batch.
type Counts struct {
	// Matched is the number of data points the rule applied to: those under an item that met a condition of a drop or
	// keep rule, or under an item for which at least one statement of a transform ran.
	Matched int
	// Dropped is the number of data points the rule removed.
	Dropped int
	// Errors is the number of evaluations, of one condition or statement on one item, that failed.
	Errors int
	// FirstError is the first of those errors, naming its condition or statement. It is nil if the rule is silent.
	FirstError error
}

// Names returns the rules' names, in order; they index what Run returns.
func (p *Program) Names() []string {
	names := make([]string, 0, len(p.rules))
	for _, r := range p.rules {
		names = append(names, r.name)
	}
	return names
}

// Run applies the rules to md in place and returns one Counts per rule. md must not be read-only, unless there are no
// rules.
//
// An error means that a rule with the propagate mode failed and the rest was not run: md is then half edited and must be
// discarded, Matched and Dropped do not describe anything delivered, and only Errors is meaningful.
func (p *Program) Run(ctx context.Context, md pmetric.Metrics) ([]Counts, error) {
	counts := make([]Counts, len(p.rules))
	for i, r := range p.rules {
		t := tally{policy: r.mode}
		r.stage.apply(ctx, md, &t)
		counts[i] = t.Counts
		if t.halted {
			return counts, fmt.Errorf("rule %q: %w", r.name, t.FirstError)
		}
	}
	return counts, nil
}
