package rules

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Program is a compiled list of rules. Between batches it holds nothing but what it has learnt of series: Run may be
// called concurrently.
type Program struct {
	rules   []compiledRule
	classes []Class
	steps   []step
}

type compiledRule struct {
	name  string
	mode  errorPolicy
	stage stage
	// pure says that once per series is enough for all the rule is made of.
	pure bool
	// reads is what of an identity a pure rule depends on, swaps are the texts of its statements that remove by swapping.
	reads reads
	swaps map[string]bool
	// contexts are the contexts of the texts.
	contexts map[string]string
	// mixed, if not nil, is the stage apart into what is pure and what waits for the point itself. removes says that the
	// rule may remove points.
	mixed   mixedStatements
	removes bool
	// writes says that a pure statement of the rule writes, writesMetric that it writes to a metric, looks that a value
	// statement reads what such a statement may write.
	writes, writesMetric, looks bool
}

// lesson is the stage to learn from.
func (r *compiledRule) lesson() stage {
	if r.mixed != nil {
		return r.mixed
	}
	return r.stage
}

// step is the rules from first to before end: those in a row that share a memo, or one that runs every time.
type step struct {
	first, end int
	memo       *memo
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
	tallies := make([]tally, len(p.rules))
	for i, r := range p.rules {
		tallies[i].policy = r.mode
	}
	for _, s := range p.steps {
		s.apply(ctx, p.rules, md, tallies)
		for i := s.first; i < s.end; i++ {
			if tallies[i].halted {
				return countsOf(tallies), fmt.Errorf("rule %q: %w", p.rules[i].name, tallies[i].FirstError)
			}
		}
	}
	return countsOf(tallies), nil
}

func (s step) apply(ctx context.Context, rules []compiledRule, md pmetric.Metrics, tallies []tally) {
	if s.memo != nil {
		s.memo.apply(ctx, md, tallies[s.first:s.end])
		return
	}
	runAll(ctx, rules[s.first:s.end], md, tallies[s.first:s.end])
}

func countsOf(tallies []tally) []Counts {
	counts := make([]Counts, len(tallies))
	for i := range tallies {
		counts[i] = tallies[i].Counts
	}
	return counts
}

// Classes says of each condition and statement how it is evaluated, and why.
func (p *Program) Classes() []Class { return p.classes }

// Remembered is the number of outcomes in memory: one for each row of pure rules and all series that agree in what those
// read.
func (p *Program) Remembered() int {
	n := 0
	for _, s := range p.steps {
		if s.memo != nil {
			n += s.memo.series.Len()
		}
	}
	return n
}

// joins reports whether a rule may share a memo with those before it. Value statements wait until all of them have had
// their say, so that behind one no rule may remove points, nor change what it looks at.
func joins(before []compiledRule, r *compiledRule) bool {
	if !r.pure {
		return false
	}
	for i := range before {
		if before[i].mixed != nil && (r.removes || r.writesMetric) {
			return false
		}
		if before[i].looks && r.writes {
			return false
		}
		if before[i].writesMetric && r.mixed != nil {
			return false
		}
	}
	return true
}

// steps gathers pure rules that follow each other.
func steps(rules []compiledRule, m Memoize) []step {
	var list []step
	for i := 0; i < len(rules); {
		end := i + 1
		for m.MaxSeries > 0 && rules[i].pure && end < len(rules) && joins(rules[i:end], &rules[end]) {
			end++
		}
		s := step{first: i, end: end}
		if m.MaxSeries > 0 && rules[i].pure {
			s.memo = newMemo(rules[i:end], m.MaxSeries, m.Expiration)
		}
		list = append(list, s)
		i = end
	}
	return list
}
