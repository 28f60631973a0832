package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sluice-metrics/sluice/bench/internal/proc"
)

const longestRun = 8 * time.Minute

// Result is all that a case has given.
type Result struct {
	*Case
	Runs     []Run
	Problems map[string]string // subject to why it has no run, or fewer
}

// Problems that are none.
const (
	ToCome   = "to come" // Sluice has no component for the case yet
	NotGiven = "–"       // the case is not for that subject
)

// Run is one round of one subject.
type Run struct {
	Subject string
	Round   int
	Values  []Value
}

// Runner runs a plan.
type Runner struct {
	Plan     Plan
	Subjects []Subject
	Progress func(format string, args ...any)

	lab     lab
	results []Result
	took    map[string]time.Duration // case and subject, the last time
	failed  []error
	start   time.Time
}

// Run gives every case to every subject that can take it, in rounds: subjects alternate within a case, and take turns
// in going first. It returns what was measured, also together with an error. Ending ctx ends it and all its processes.
func (r *Runner) Run(ctx context.Context) ([]Result, error) {
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // scratch
	r.lab.dir, r.start, r.took = dir, time.Now(), map[string]time.Duration{}
	for i := range r.Plan.Cases {
		r.results = append(r.results, r.prepare(&r.Plan.Cases[i]))
	}
	for round := range r.Plan.Rounds {
		for i := range r.results {
			if round > 0 && !r.fits(&r.results[i]) {
				continue
			}
			r.round(ctx, &r.results[i], round, i)
			if ctx.Err() != nil {
				return r.results, ctx.Err()
			}
		}
	}
	return r.results, errors.Join(r.failed...)
}

// prepare finds what is known before: who cannot take the case.
func (r *Runner) prepare(c *Case) Result {
	result := Result{Case: c, Problems: map[string]string{}}
	for _, s := range r.Subjects {
		switch {
		case s.Name == Sluice && !c.Has(Sluice):
			result.Problems[s.Name] = ToCome
		case !c.Has(s.Name), r.Plan.Compared && !c.Has(Sluice):
			result.Problems[s.Name] = NotGiven
		}
	}
	if free := proc.FreeMemory(); free < c.memory {
		for _, s := range r.Subjects {
			result.Problems[s.Name] = fmt.Sprintf("left out: needs %d MiB of free memory, has %d", c.memory>>20, free>>20)
		}
	}
	return result
}

// fits tells whether another round of the case makes sense, which is that there is something to compare with, and fits
// into the budget, going by the last.
func (r *Runner) fits(result *Result) bool {
	if result.once || result.Problems[Sluice] != "" {
		return false
	}
	var need time.Duration
	for _, s := range r.Subjects {
		need += r.took[result.key(s)]
	}
	return need > 0 && time.Since(r.start)+need <= r.Plan.Budget
}

func (r *Runner) round(ctx context.Context, result *Result, round, index int) {
	for n := range r.Subjects {
		subject := r.Subjects[(n+round)%len(r.Subjects)]
		if result.Problems[subject.Name] != "" {
			continue
		}
		r.Progress("[%2d/%d] round %d/%d  %s %s  %s", index+1, len(r.results), round+1, r.Plan.Rounds, result.Scenario, result.Name, subject.Name)
		began := time.Now()
		values, err := r.one(ctx, result.Case, subject)
		if ctx.Err() != nil {
			return
		}
		r.took[result.key(subject)] = time.Since(began)
		if err != nil {
			r.Progress("        failed: %v", err)
			r.failed = append(r.failed, fmt.Errorf("%s %s, %s: %w", result.Scenario, result.Name, subject.Name, err))
			result.Problems[subject.Name] = "failed: " + firstLine(err.Error())
			continue
		}
		result.Runs = append(result.Runs, Run{Subject: subject.Name, Round: round, Values: values})
	}
}

// one run may take no longer than any sane one does: a subject that hangs must not hang the bench.
func (r *Runner) one(ctx context.Context, c *Case, s Subject) ([]Value, error) {
	ctx, cancel := context.WithTimeout(ctx, longestRun)
	defer cancel()
	return c.run(ctx, &run{lab: &r.lab, Subject: s})
}

func (c *Case) key(s Subject) string { return c.Scenario + "\x00" + c.Name + "\x00" + s.Name }
