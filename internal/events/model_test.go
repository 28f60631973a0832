package events

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	_ "github.com/sluice-metrics/sluice/internal/proof" // sizes the proofs
)

// oracle says in the plainest way what a hook on everything is told.
type oracle struct {
	bound  Bound
	series map[string]*known
	counts map[string]int
	firing map[string]bool
	lines  []string
}

type known struct {
	last   point
	since  int
	firing bool
}

const cardinalityLimit = 2

func (o *oracle) see(p point) {
	id := p.target + " " + p.metric + " " + p.series
	k := o.series[id]
	switch {
	case k == nil && p.stale:
	case k == nil:
		k = &known{last: p, since: -1}
		o.series[id] = k
		o.say("created", p, math.NaN(), p.value, "")
		o.count(p, 1)
		o.threshold(k, math.NaN(), p)
	case p.stale:
		if k.firing {
			o.say("threshold", p, k.last.value, math.NaN(), " firing=false stale")
		}
		o.say("removed", p, k.last.value, math.NaN(), " stale")
		o.count(p, -1)
		delete(o.series, id)
	case p.at > k.last.at:
		if p.counter && (p.start > k.last.start && k.last.start > 0 || p.value < k.last.value) {
			o.say("reset", p, k.last.value, p.value, "")
		}
		if p.value != k.last.value {
			o.say("updated", p, k.last.value, p.value, "")
		}
		o.threshold(k, k.last.value, p)
		k.last = p
	}
}

func (o *oracle) say(what string, p point, old, now float64, more string) {
	attrs := ""
	if p.series != "" {
		attrs = "{series=" + p.series + "}"
	}
	o.lines = append(o.lines, fmt.Sprintf("%s %s%s %v>%v%s", what, p.metric, attrs, old, now, more))
}

func (o *oracle) count(p point, n int) {
	before := o.counts[p.metric]
	o.counts[p.metric] += n
	now := before + n
	switch {
	case !o.firing[p.metric] && now > cardinalityLimit:
		o.firing[p.metric] = true
	case o.firing[p.metric] && now <= cardinalityLimit-1:
		o.firing[p.metric] = false
	default:
		return
	}
	p.series = ""
	o.say("cardinality", p, float64(before), float64(now), fmt.Sprintf(" firing=%v", o.firing[p.metric]))
}

func (o *oracle) threshold(k *known, old float64, p point) {
	beyond := p.value > o.bound.Limit
	switch {
	case k.firing && p.value <= o.bound.Clear:
		k.firing, k.since = false, -1
		o.say("threshold", p, old, p.value, " firing=false")
	case k.firing:
	case !beyond:
		k.since = -1
	default:
		if k.since < 0 {
			k.since = p.at
		}
		if time.Duration(p.at-k.since)*time.Second >= o.bound.For {
			k.firing = true
			o.say("threshold", p, old, p.value, " firing=true")
		}
	}
}

func drawPoint(t *rapid.T) point {
	metric := rapid.SampledFrom([]string{"a", "b", "counter"}).Draw(t, "metric")
	return point{
		target: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "target"), metric: metric, counter: metric == "counter",
		series: rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "series"), value: float64(rapid.IntRange(0, 6).Draw(t, "value")),
		at: rapid.IntRange(1, 60).Draw(t, "at"), start: rapid.IntRange(0, 2).Draw(t, "start"), stale: rapid.IntRange(0, 9).Draw(t, "stale") == 0,
	}
}

// TestEventsAreThoseOfThePlainestWay compares a hook on everything with the oracle.
func TestEventsAreThoseOfThePlainestWay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		batches := rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(drawPoint), 1, 5), 1, 40).Draw(rt, "batches")
		bound := Bound{Limit: 3, Clear: float64(rapid.IntRange(1, 3).Draw(rt, "clear")), For: time.Duration(rapid.IntRange(0, 10).Draw(rt, "for")) * time.Second}
		want := &oracle{bound: bound, series: map[string]*known{}, counts: map[string]int{}, firing: map[string]bool{}}
		var got []string
		synctest.Test(t, func(t *testing.T) {
			o := New(options())
			b, h := hook(t, o, Settings{
				On: all | KindsOf(Threshold, Cardinality), Threshold: &bound, Cardinality: &Bound{Limit: cardinalityLimit, Clear: cardinalityLimit - 1},
			})
			for i, points := range batches {
				for j := range points {
					points[j].at += 10 * i
					want.see(points[j])
				}
				o.Publish(t.Context(), batch(points...))
			}
			closed(t, o)
			for i, e := range b.list {
				require.Equal(t, uint64(i+1), e.Metric.Sequence)
			}
			got = b.lines()
			require.Equal(t, int64(len(got)), h.Lane().Delivered())
			require.Equal(t, int64(len(want.series)), o.Series())
		})
		require.ElementsMatch(rt, want.lines, got) // kinds of one point may come in any order
	})
}
