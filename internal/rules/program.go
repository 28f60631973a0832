package rules

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Program is a compiled list of rules. Between batches it holds nothing but what it has learnt of series: Run may be
// called concurrently.
type Program struct {
	names   []string
	parts   []part
	classes []Class
	steps   []step
	runs    sync.Pool
}

func newProgram() *Program {
	p := &Program{}
	p.runs.New = func() any { return &run{tallies: make([]tally, len(p.parts))} }
	return p
}

// add adds the parts of the next rule.
func (p *Program) add(name string, parts []part) {
	for _, one := range parts {
		one.rule = len(p.names)
		for _, class := range one.classes {
			class.Rule = name
			p.classes = append(p.classes, class)
		}
		p.parts = append(p.parts, one)
	}
	p.names = append(p.names, name)
}

// Counts is what one rule did to one batch.
type Counts struct {
	// Matched is the number of data points the rule applied to: those under an item that met a condition of a drop or
	// keep rule, or under an item for which at least one statement of a transform ran. A rule of several groups counts
	// for each of them.
	Matched int
	// Dropped is the number of data points the rule removed.
	Dropped int
	// Changed is the number of data points, or of points under an item, that the rule wrote to.
	Changed int
	// Errors is the number of evaluations, of one condition or statement on one item, that failed.
	Errors int
	// FirstError is the first of those errors, naming its condition or statement. It is nil if the rule is silent.
	FirstError error
	// Violation is the first point that broke a constraint which is only logged.
	Violation error
	// Samples shows what a dry run would do, once in a while.
	Samples *Samples
}

// Names returns the rules' names, in order; they index what Run counts.
func (p *Program) Names() []string { return p.names }

// Classes says of each condition and statement how it is evaluated, and why.
func (p *Program) Classes() []Class { return p.classes }

// Sweeps reports whether a rule removes what came in empty, a batch included.
func (p *Program) Sweeps() bool {
	for i := range p.parts {
		if p.parts[i].sweeps {
			return true
		}
	}
	return false
}

// Run applies the rules to md and returns what is left of it. counts, one per rule, is filled in. If md is read-only it is
// not touched: unless no rule has anything to change, a copy is edited and returned, which is read-only too.
//
// An error means that a rule with the propagate mode failed and the rest was not run: md is then half edited and must be
// discarded, Matched, Changed and Dropped do not describe anything delivered, and only Errors is meaningful. ErrPanic is
// such an error whatever the mode.
func (p *Program) Run(ctx context.Context, md pmetric.Metrics, counts []Counts) (out pmetric.Metrics, err error) {
	r := p.runs.Get().(*run)
	defer r.release(&p.runs)
	defer func() {
		if fault := recover(); fault != nil {
			out, err = md, p.panicked(r.step, fault, counts)
		}
	}()
	for i := range p.parts {
		r.tallies[i].policy = p.parts[i].mode
	}
	out, err = r.steps(ctx, p, md)
	p.count(r.tallies, counts)
	return out, err
}

// ErrPanic refuses a batch that a function panics of, as some of OTTL do of what nobody has foreseen. It would end the
// collector. Sending again does not help.
var ErrPanic = errors.New("a function panics")

// panicked names the rules of the step in which that was, and counts it for the first of them.
func (p *Program) panicked(s *step, fault any, counts []Counts) error {
	clear(counts)
	first, last := p.parts[s.first].rule, p.parts[s.end-1].rule
	counts[first].Errors = 1
	if first == last {
		return fmt.Errorf("rule %q: %w: %v", p.names[first], ErrPanic, fault)
	}
	return fmt.Errorf("one of the rules %q to %q: %w: %v", p.names[first], p.names[last], ErrPanic, fault)
}

// run is one batch on its way through a program.
type run struct {
	tallies []tally
	// step is the one being done.
	step *step
}

func (r *run) release(pool *sync.Pool) {
	clear(r.tallies)
	pool.Put(r)
}

func (r *run) steps(ctx context.Context, p *Program, md pmetric.Metrics) (pmetric.Metrics, error) {
	shared := md.IsReadOnly()
	for i := range p.steps {
		s := &p.steps[i]
		r.step = s
		tallies := r.tallies[s.first:s.end]
		if shared && md.IsReadOnly() {
			if !s.changes(ctx, p.parts, md, tallies) {
				continue
			}
			md = copied(md)
			forget(tallies)
		}
		s.apply(ctx, p.parts, md, tallies)
		if err := p.halted(s, r.tallies); err != nil {
			return md, err
		}
	}
	if shared && !md.IsReadOnly() { // whoever gets it finds what it would have found, had no rule changed anything
		md.MarkReadOnly()
	}
	return md, nil
}

func copied(md pmetric.Metrics) pmetric.Metrics {
	own := pmetric.NewMetrics()
	md.CopyTo(own)
	return own
}

// forget takes back what has been counted while looking.
func forget(tallies []tally) {
	for i := range tallies {
		tallies[i] = tally{policy: tallies[i].policy}
	}
}

func (p *Program) halted(s *step, tallies []tally) error {
	for i := s.first; i < s.end; i++ {
		if tallies[i].halted {
			return fmt.Errorf("rule %q: %w", p.names[p.parts[i].rule], tallies[i].FirstError)
		}
	}
	return nil
}

// count sums up the parts by rule.
func (p *Program) count(tallies []tally, counts []Counts) {
	clear(counts)
	for i := range tallies {
		c, t := &counts[p.parts[i].rule], &tallies[i]
		if p.parts[i].edits {
			t.Changed = t.Matched - t.Dropped
		}
		c.add(&t.Counts)
	}
}

func (c *Counts) add(o *Counts) {
	c.Matched += o.Matched
	c.Dropped += o.Dropped
	c.Changed += o.Changed
	c.Errors += o.Errors
	if c.FirstError == nil {
		c.FirstError = o.FirstError
	}
	if c.Violation == nil {
		c.Violation = o.Violation
	}
	if c.Samples == nil {
		c.Samples = o.Samples
	}
}
