package rules

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// step is the parts from first to before end: those in a row that share a memo, or one that runs every time.
type step struct {
	first, end int
	memo       *memo
}

func (s step) apply(ctx context.Context, parts []part, md pmetric.Metrics, tallies []tally) {
	if s.memo != nil {
		s.memo.apply(ctx, md, tallies)
		return
	}
	runAll(ctx, parts[s.first:s.end], md, tallies)
}

// looker is a stage that can tell whether it would change a batch, without writing to it.
type looker interface {
	// changes returns false if the stage leaves md as it is, and then has counted what it matches. What it has counted
	// otherwise is of no use.
	changes(ctx context.Context, md pmetric.Metrics, t *tally) bool
}

// changes is looker's, for all parts of the step.
func (s step) changes(ctx context.Context, parts []part, md pmetric.Metrics, tallies []tally) bool {
	if s.memo != nil {
		return s.memo.changes(ctx, md, tallies)
	}
	return anyChanges(ctx, parts[s.first:s.end], md, tallies)
}

func anyChanges(ctx context.Context, parts []part, md pmetric.Metrics, tallies []tally) bool {
	for i := range parts {
		l, ok := parts[i].stage.(looker)
		if !ok || l.changes(ctx, md, &tallies[i]) || tallies[i].halted {
			return true
		}
	}
	return false
}

// joins reports whether a part may share a memo with those before it. Value statements wait until all of them have had
// their say, so that behind one no part may remove points, nor change what it looks at.
func joins(before []part, p *part) bool {
	if !p.pure {
		return false
	}
	for i := range before {
		b := &before[i]
		if b.mixed != nil && (p.removes || p.writesMetric) || b.looks && p.writes || b.writesMetric && p.mixed != nil {
			return false
		}
	}
	return true
}

// steps gathers pure parts that follow each other.
func steps(parts []part, m Memoize) []step {
	var list []step
	for i := 0; i < len(parts); {
		end := i + 1
		for m.MaxSeries > 0 && parts[i].pure && end < len(parts) && joins(parts[i:end], &parts[end]) {
			end++
		}
		s := step{first: i, end: end}
		if m.MaxSeries > 0 && parts[i].pure {
			s.memo = newMemo(parts[i:end], m.MaxSeries, m.Expiration)
		}
		list = append(list, s)
		i = end
	}
	return list
}

// Remembered is the number of outcomes in memory: one for each row of pure parts and all series that agree in what those
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

// Lookups is how often an outcome has been asked for, and how often it was not known.
func (p *Program) Lookups() (lookups, misses int64) {
	for _, s := range p.steps {
		if s.memo != nil {
			lookups += s.memo.lookups.Load()
			misses += s.memo.misses.Load()
		}
	}
	return lookups, misses
}
