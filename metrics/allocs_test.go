//go:build !race

// The race detector allocates on its own account.

package metrics

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Recording allocates nothing; see the benchmarks for what it costs in time.
func TestRecordingAllocatesNothing(t *testing.T) {
	vec := Must(NewCounterVec[int64, route]("v", "h", nil, Constraints[int64]{}))
	for range 3 {
		vec.With(route{"GET", "200"})
	}
	full := Must(NewHistogramVec[float64, route]("full", "h", nil, Constraints[float64]{}))
	full.With(route{"GET", "200"})
	full.With(route{"GET", "200"})
	counter := Must(NewCounter("c", "h", nil, Constraints[int64]{Max: new(int64(5))}))
	gauge := Must(NewGauge("g", "h", nil, Constraints[float64]{}))
	native := Must(NewHistogram("n", "h", nil, Constraints[float64]{}, WithExponentialBuckets(ExponentialBuckets{})))
	summary := Must(NewSummary("s", "h", nil, Constraints[float64]{}))
	native.Observe(1.5)
	summary.Observe(1.5)
	counter.Add(9) // the first drop makes room for the counts
	var told int64
	counter.OnChange(PriorityLow, func(c Change[int64]) { told += c.New - c.Old })
	method, code := "GET", "200"
	for name, f := range map[string]func(){
		"With":           func() { vec.With(route{method, code}).Add(2) },
		"With histogram": func() { full.With(route{method, code}).Observe(0.3) },
		"Add":            func() { counter.Add(2) },
		"Add dropped":    func() { counter.Add(9) },
		"AddContext":     func() { counter.AddContext(context.Background(), 2) },
		"Set":            func() { gauge.Set(2.5); gauge.Add(0.5) },
		"Observe native": func() { native.Observe(1.5) },
		"Observe":        func() { summary.Observe(1.5) },
	} {
		assert.Zero(t, testing.AllocsPerRun(100, f), name)
	}
	assert.Positive(t, told)
}
