package ruletest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// outcome is what came of one input or of several.
type outcome struct {
	out    pmetric.Metrics
	counts []Count
	// refused is the error that the last batch was refused with.
	refused error
}

func newOutcome() *outcome { return &outcome{out: pmetric.NewMetrics()} }

// add adds the outcome of a further input.
func (o *outcome) add(more *outcome) {
	for _, rm := range more.out.ResourceMetrics().All() {
		rm.CopyTo(o.out.ResourceMetrics().AppendEmpty())
	}
	if o.counts == nil {
		o.counts = make([]Count, len(more.counts))
	}
	for i, c := range more.counts {
		sum := &o.counts[i]
		sum.Rule = c.Rule
		sum.Matched += c.Matched
		sum.Dropped += c.Dropped
		sum.Changed += c.Changed
		sum.Errors += c.Errors
		if sum.FirstError == nil {
			sum.FirstError = c.FirstError
		}
	}
	if more.refused != nil {
		o.refused = more.refused
	}
}

// chain is streamers in a row.
type chain struct {
	ids   []string
	rules []Rules
}

// run runs one batch through the chain. What is refused, or emptied, goes no further; the rules behind have counts of 0.
func (c *chain) run(ctx context.Context, md pmetric.Metrics) *outcome {
	o := &outcome{out: md}
	for i, r := range c.rules {
		if o.refused != nil {
			o.counts = append(o.counts, c.unused(i)...)
			continue
		}
		out, counts, err := r.Run(ctx, o.out)
		o.counts = append(o.counts, c.named(i, counts)...)
		o.out, o.refused = out, err
	}
	if o.refused != nil {
		o.out = pmetric.NewMetrics()
	}
	return o
}

// unused are the counts of rules that nothing came to.
func (c *chain) unused(i int) []Count {
	var counts []Count
	for _, name := range c.rules[i].Names() {
		counts = append(counts, Count{Rule: name})
	}
	return c.named(i, counts)
}

// named tells rules of several streamers apart.
func (c *chain) named(i int, counts []Count) []Count {
	own := slices.Clone(counts)
	if len(c.ids) > 1 {
		for k := range own {
			own[k].Rule = c.ids[i] + ":" + own[k].Rule
		}
	}
	return own
}

// count finds the counts of a rule by its name, which may lack the streamer if that leaves no doubt.
func (o *outcome) count(rule string) (Count, error) {
	var found []Count
	for _, c := range o.counts {
		if c.Rule == rule {
			return c, nil
		}
		if strings.HasSuffix(c.Rule, ":"+rule) {
			found = append(found, c)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	if len(found) == 0 {
		found = o.counts
	}
	names := make([]string, 0, len(found))
	for _, c := range found {
		names = append(names, c.Rule)
	}
	return Count{}, fmt.Errorf("must be one of %q", names)
}

// table writes the counts.
func (o *outcome) table() []string {
	width := len("rule")
	for _, c := range o.counts {
		width = max(width, len(c.Rule))
	}
	lines := []string{fmt.Sprintf("%-*s %9s %9s %9s %9s", width, "rule", "matched", "dropped", "changed", "errors")}
	for _, c := range o.counts {
		lines = append(lines, fmt.Sprintf("%-*s %9d %9d %9d %9d", width, c.Rule, c.Matched, c.Dropped, c.Changed, c.Errors))
	}
	return lines
}

// notes are the errors that rules had.
func (o *outcome) notes() []string {
	var lines []string
	for _, c := range o.counts {
		if c.FirstError != nil && o.refused == nil {
			lines = append(lines, fmt.Sprintf("note: rule %s: %d errors, the first: %v", c.Rule, c.Errors, c.FirstError))
		}
	}
	return lines
}

// differences are those of counts by rule.
func (e Expected) differences(c Count) []string {
	var lines []string
	got := map[string]int{"matched": c.Matched, "dropped": c.Dropped, "changed": c.Changed, "errors": c.Errors}
	want := map[string]*int{"matched": e.Matched, "dropped": e.Dropped, "changed": e.Changed, "errors": e.Errors}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if w := want[key]; w != nil && *w != got[key] {
			lines = append(lines, fmt.Sprintf("%s: expected %d, got %d", key, *w, got[key]))
		}
	}
	return lines
}
