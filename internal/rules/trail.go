package rules

import (
	"slices"
	"sync"

	"github.com/sluice-metrics/sluice/internal/series"
)

// trails are the outcomes of the points of metrics, in the order in which they last came. Batch after batch most metrics have
// the same points in the same order: then the next outcome is the next step, and nothing has to be looked up. Safe for
// concurrent use.
type trails struct {
	mu    sync.RWMutex
	of    map[series.Fingerprint]*trail
	steps int
	// most bounds steps. What does not fit is looked up.
	most int
}

// trail is never changed.
type trail struct {
	steps []recentOutcome
	// renewals is how often it has been replaced, as the points came otherwise.
	renewals int
}

const (
	// shortestTrail is how many points a metric has at least that is worth a trail.
	shortestTrail = 8
	longestTrail  = 1 << 12
	// maxRenewals is when a metric's order is taken for none.
	maxRenewals = 4
)

// lost is the trail of a metric whose points come in no order.
var lost = &trail{renewals: maxRenewals}

func (t *trails) get(metric series.Fingerprint) *trail {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.of[metric]
}

// put replaces a metric's trail by one with these steps, which are copied.
func (t *trails) put(metric series.Fingerprint, old *trail, steps []recentOutcome) {
	next := &trail{}
	if old != nil {
		next.renewals = old.renewals + 1
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of[metric] != old || t.steps+len(steps) > t.most {
		return
	}
	if next.renewals >= maxRenewals {
		next = lost
	} else {
		next.steps = slices.Clone(steps)
	}
	if t.of == nil {
		t.of = map[series.Fingerprint]*trail{}
	}
	if old != nil {
		t.steps -= len(old.steps)
	}
	t.of[metric] = next
	t.steps += len(next.steps)
}

// forget begins anew, so that outcomes are asked for again where they are kept.
func (t *trails) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of, t.steps = nil, 0
}

// path is a walk's way through the points of one metric.
type path struct {
	trails *trails
	metric series.Fingerprint
	trail  *trail
	// at counts points, strayed those that were not the trail's next step.
	at, strayed int
	// steps are those of a metric without a trail, or of one that was left.
	steps []recentOutcome
}

// enter begins a metric with that many points, and ends the one before.
func (p *path) enter(metric series.Fingerprint, points int) {
	p.end()
	p.metric, p.trail = metric, lost
	if points >= shortestTrail && points <= longestTrail {
		p.trail = p.trails.get(metric)
	}
}

// end makes a new trail if the last metric had none, or a fourth of its points were elsewhere.
func (p *path) end() {
	if p.trail != lost && p.strayed > p.at/4 {
		p.trails.put(p.metric, p.trail, p.steps)
	}
	p.trail, p.at, p.strayed, p.steps = lost, 0, 0, p.steps[:0]
}

// next is the outcome of the next point, nil if the trail does not say. Then the caller tells it by stray.
func (p *path) next(f series.Fingerprint) *outcome {
	if p.trail == nil || p.at >= len(p.trail.steps) {
		return nil
	}
	step := &p.trail.steps[p.at]
	if step.fingerprint != f || step.outcome == nil {
		return nil
	}
	p.at++
	if p.strayed > 0 {
		p.steps = append(p.steps, *step)
	}
	return step.outcome
}

// stray notes the outcome of a point of which the trail did not say, nil if it is good for that point only.
func (p *path) stray(f series.Fingerprint, o *outcome) {
	if p.trail == lost {
		return
	}
	if p.strayed == 0 && p.trail != nil {
		p.steps = append(p.steps, p.trail.steps[:p.at]...)
	}
	p.strayed++
	p.at++
	p.steps = append(p.steps, recentOutcome{f, o})
}
