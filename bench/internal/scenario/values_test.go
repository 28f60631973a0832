package scenario

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sluice-metrics/sluice/bench/internal/load"
	"github.com/sluice-metrics/sluice/bench/internal/proc"
)

func byMeasure(values []Value) map[string]Value {
	out := map[string]Value{}
	for _, v := range values {
		out[v.Measure] = v
	}
	return out
}

func TestTermination_CountsWhatIsLostAndWhatIsOwnedUpTo(t *testing.T) {
	x := termination{accepted: 1000, delivered: 200, exit: 2 * time.Second, killed: true}
	x.log = `2026-01-01T00:00:00Z	error	Exporting failed. Dropping data.	{"error": "x", "dropped_items": 150}
2026-01-01T00:00:00Z	info	stopped	{"accepted": 1000, "lost": 250}
dropped_items=0`
	v := byMeasure(x.values())
	assert.InDelta(t, 800, v["lost"].V, 0)
	assert.InDelta(t, 50, v["of those reported"].V, 0)
	assert.InDelta(t, 2, v["exit after SIGTERM"].V, 0)
	assert.NotEmpty(t, v["exit after SIGTERM"].Note)

	whole := termination{accepted: 1000, delivered: 1005, exit: time.Second}
	v = byMeasure(whole.values())
	assert.Zero(t, v["lost"].V, "what arrived twice is not lost less than nothing")
	assert.NotContains(t, v, "of those reported")
	assert.Empty(t, v["exit after SIGTERM"].Note)
}

func TestOverloadValues(t *testing.T) {
	sent := load.Result{
		Sent: load.Tally{Requests: 10, Points: 100}, Accepted: load.Tally{Requests: 2, Points: 20},
		Refused: load.Tally{Requests: 7, Points: 70}, Failed: load.Tally{Requests: 1, Points: 10},
		RetryAfter: 7, Took: 2 * time.Second,
	}
	v := byMeasure(overloadValues(sent, 700*time.Millisecond, proc.Usage{Peak: 3 << 20}))
	for measure, want := range map[string]float64{
		"peak RSS": 3, "accepted": 10, "refused": 70, "failed or timed out": 10, "CPU": 0.7,
		"CPU per refused request": 100, "refusals that say when to retry": 100,
	} {
		assert.InDelta(t, want, v[measure].V, 1e-9, measure)
	}
	assert.NotContains(t, byMeasure(overloadValues(load.Result{Took: time.Second}, 0, proc.Usage{})), "CPU per refused request")
}
