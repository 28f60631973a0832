package breaker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// half opens when half of at least four calls in ten seconds fail, however they alternate.
var half = Config{
	FailureRate: 0.5, Window: 10 * time.Second, MinCalls: 4, Timeout: 10 * time.Second, MaxTimeout: time.Minute, Probes: 1,
}

func TestFailureRate(t *testing.T) {
	both := half
	both.Threshold = 3
	for _, tc := range []struct {
		name   string
		cfg    Config
		script string
	}{
		{"half of the calls fail", half, "s f s closed f open x"},
		{"fewer than half", half, "s s s f s f closed s f s f closed"},
		{"too few calls", half, "f f f closed f open"},
		{"a row alone does not count", half, "s s s s s s s s f f f f f closed f f f open"},
		{"calls long ago are forgotten", half, "s s s s s s +11s f f f closed f open"},
		{"failures long ago are forgotten", half, "f f f +11s f s s closed f open"},
		{"forgets a tenth at a time", half, "f f +5s f +4999ms f open"},
		{"not a moment too late", half, "f f f +10s f closed"},
		{"counts anew after closing", half, "f f f f +10s s closed f f f closed f open"},
		{"cancelled calls say nothing", half, "f f f c c closed f open"},
		{"late answers of an earlier time say nothing", half, "a a a f f f f +10s s F F F closed f f f f open"},
		{"a row opens, too", both, "s s s s s s s f f closed f open"},
		{"Retry-After opens at once", half, "f20s open until=20s"},
		{"calls under way do not count", half, "a a a a f f f closed f open"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &play{b: New(tc.cfg), now: start}
			p.run(t, tc.script)
		})
	}
}

// TestWindowForgets compares with a list of all calls, of which those count that are younger than the window to a tenth.
func TestWindowForgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const length, width = 10 * time.Second, time.Second
		type call struct {
			at     time.Time
			failed int
		}
		var w window
		var all []call
		now := start
		for range rapid.IntRange(1, 60).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(4*time.Second)).Draw(t, "later")))
			c := call{now, rapid.IntRange(0, 1).Draw(t, "failed")}
			w.advance(now, length)
			w.add(c.failed)
			all = append(all, c)

			calls, failures := w.counts()
			atLeast, atMost, failedAtLeast, failedAtMost := 0, 0, 0, 0
			for _, c := range all {
				age := now.Sub(c.at)
				if age < length-width {
					atLeast++
					failedAtLeast += c.failed
				}
				if age < length {
					atMost++
					failedAtMost += c.failed
				}
			}
			if calls < atLeast || calls > atMost || failures < failedAtLeast || failures > failedAtMost {
				t.Fatalf("counted %d/%d, want %d/%d to %d/%d", failures, calls, failedAtLeast, atLeast, failedAtMost, atMost)
			}
		}
	})
}

func TestFailureRateAllocatesNothing(t *testing.T) {
	br := New(half)
	now := start
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		now = now.Add(100 * time.Millisecond)
		ticket, _ := br.Allow(now)
		ticket.Success()
	}))
}
