package rules

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Samples shows what a dry run would do: points as they are that it would change or remove, and as they would be that it
// would change or add.
type Samples struct{ Before, After []string }

const (
	// sampleSize bounds the points of either list.
	sampleSize = 3
	// sampleInterval is how often a dry run that would do something is sampled, for that costs.
	sampleInterval = time.Minute
)

// dry runs parts on a copy of the batch, so that nothing happens but their counts.
type dry struct {
	parts []part
	// next is when the next sample is due, in nanoseconds of Unix time.
	next atomic.Int64
}

func dryPart(parts []part) part {
	d := part{stage: &dry{parts: parts}}
	for _, p := range parts {
		for _, class := range p.classes {
			class.EveryTime = "it is a dry run"
			d.classes = append(d.classes, class)
		}
	}
	return d
}

// apply never halts: what a dry run would refuse is not refused.
func (d *dry) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	defer func() {
		if fault := recover(); fault != nil {
			t.Counts = Counts{Errors: 1, FirstError: fmt.Errorf("%w: %v", ErrPanic, fault)}
		}
	}()
	trial := copied(md)
	tallies := make([]tally, len(d.parts))
	for i := range d.parts {
		tallies[i].policy = d.parts[i].mode
	}
	runAll(ctx, d.parts, trial, tallies)
	for i := range tallies {
		if d.parts[i].edits {
			tallies[i].Changed = tallies[i].Matched - tallies[i].Dropped
		}
		t.add(&tallies[i].Counts)
	}
	if t.Changed+t.Dropped > 0 && d.due(time.Now()) {
		t.Samples = sample(md, trial)
	}
}

// changes is always false: that is what a dry run is for.
func (d *dry) changes(ctx context.Context, md pmetric.Metrics, t *tally) bool {
	d.apply(ctx, md, t)
	return false
}

func (d *dry) due(now time.Time) bool {
	next := d.next.Load()
	return now.UnixNano() >= next && d.next.CompareAndSwap(next, now.Add(sampleInterval).UnixNano())
}

// sample returns points that are only in one of the two batches.
func sample(before, after pmetric.Metrics) *Samples {
	old, changed := describe(before), describe(after)
	return &Samples{Before: missing(old, changed), After: missing(changed, old)}
}

// missing returns the first lines that are not among others.
func missing(lines, others []string) []string {
	left := make(map[string]int, len(others))
	for _, o := range others {
		left[o]++
	}
	var found []string
	for _, line := range lines {
		if left[line]--; left[line] < 0 && len(found) < sampleSize {
			found = append(found, line)
		}
	}
	return found
}

// describe returns a line for each point: its metric's name and its attributes, those of its resource behind an at sign,
// and its value if that is a number.
func describe(md pmetric.Metrics) []string {
	var lines []string
	_ = eachMetric(md, func(rm pmetric.ResourceMetrics, _ pmetric.ScopeMetrics, m pmetric.Metric) {
		resource := describeMap(rm.Resource().Attributes())
		eachPoint(m, func(point any) {
			line := m.Name() + describeMap(point.(interface{ Attributes() pcommon.Map }).Attributes())
			if p, ok := point.(pmetric.NumberDataPoint); ok {
				line += " " + describeNumber(p)
			}
			lines = append(lines, line+" @"+resource)
		})
	})
	return lines
}

func describeNumber(p pmetric.NumberDataPoint) string {
	if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
		return strconv.FormatInt(p.IntValue(), 10)
	}
	return fmt.Sprint(p.DoubleValue())
}

func describeMap(attrs pcommon.Map) string {
	texts := make([]string, 0, attrs.Len())
	for key, value := range attrs.All() {
		texts = append(texts, fmt.Sprintf("%s=%q", key, value.AsString()))
	}
	slices.Sort(texts)
	return "{" + strings.Join(texts, ",") + "}"
}
