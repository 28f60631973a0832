package pushgroup

import (
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/exposition"
	"github.com/sluice-metrics/sluice/internal/otlp"
)

// Added is what became of a batch.
type Added struct {
	exposition.Outcome
	// Groups counts the resources that got no group, and Points their points, by reason; nil when there are none.
	Groups, Points map[Reason]int
}

func (a *Added) refuse(reason Reason, points int) {
	if a.Groups == nil {
		a.Groups, a.Points = make(map[Reason]int), make(map[Reason]int)
	}
	a.Groups[reason]++
	a.Points[reason] += points
}

func (a *Added) merge(out exposition.Outcome) {
	a.Accepted += out.Accepted
	a.Conflicts = append(a.Conflicts, out.Conflicts...)
	a.Refused = addAll(a.Refused, out.Refused)
	a.Conflicting = addAll(a.Conflicting, out.Conflicting)
}

func addAll[K comparable](to, from map[K]int) map[K]int {
	if to == nil {
		return from
	}
	for key, n := range from {
		to[key] += n
	}
	return to
}

func points(rm pmetric.ResourceMetrics) int {
	n := 0
	for _, sm := range rm.ScopeMetrics().All() {
		for _, m := range sm.Metrics().All() {
			n += otlp.PointCount(m)
		}
	}
	return n
}

var identities = sync.Pool{New: func() any { return new(identity) }}

// recycle forgets what belongs to a batch.
func (id *identity) recycle() {
	clear(id.values)
	identities.Put(id)
}

// Add takes a batch. It keeps nothing of md and changes nothing in it.
func (e *Engine) Add(md pmetric.Metrics) Added {
	id := identities.Get().(*identity)
	defer id.recycle()
	var added Added
	for _, rm := range md.ResourceMetrics().All() {
		e.addResource(rm, id, &added)
	}
	return added
}

func (e *Engine) addResource(rm pmetric.ResourceMetrics, id *identity, added *Added) {
	reason := id.read(e.opts.Rules, rm.Resource().Attributes())
	var g *group
	if reason == "" {
		if g = e.acquire(id); g == nil {
			reason = ReasonMaxGroups
		}
	}
	if reason != "" {
		added.refuse(reason, points(rm))
		return
	}
	out := g.store.AddResource(rm)
	e.release(g, out.Accepted > 0)
	added.merge(out)
}

// acquire returns the group, which is not forgotten before it is released; nil when there is no room for it.
func (e *Engine) acquire(id *identity) *group {
	e.mu.Lock()
	defer e.mu.Unlock()
	g := e.mu.groups[string(id.path)]
	if g == nil {
		if e.opts.MaxGroups > 0 && len(e.mu.groups) >= e.opts.MaxGroups && !e.makeRoom() {
			return nil
		}
		g = &group{path: strings.Clone(string(id.path)), store: e.siblings.NewStore(cloned(id.labels(e.opts.Rules))), marks: marks{index: unscheduled}}
		e.mu.groups[g.path] = g
	}
	g.adding++
	return g
}

func cloned(labels map[string]string) map[string]string {
	for name, value := range labels {
		labels[name] = strings.Clone(value)
	}
	return labels
}

// makeRoom forgets a group that only waits for its deletion, if there is one; it is asked for often, so it looks seldom.
func (e *Engine) makeRoom() bool {
	now := time.Now()
	if now.Sub(e.mu.looked) < time.Second {
		return false
	}
	e.mu.looked = now
	for _, g := range e.mu.groups {
		if g.ending && !g.busy && g.adding == 0 && !g.changed {
			e.listener.Deleted(Report{Group: g.path, Outcome: OutcomeCanceled, Reason: "no_room"})
			e.forget(g)
			return true
		}
	}
	return false
}

func (e *Engine) release(g *group, changed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	g.adding--
	if changed {
		g.changed, g.ending, g.gone = true, false, false
		g.updated = time.Now()
		g.owned = g.owned || g.store.Len() > 0
	}
	e.settle(g)
}
