package pushgroup

import (
	"container/heap"
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"golang.org/x/time/rate"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/exposition"
	"github.com/sluice-metrics/sluice/internal/otlp"
)

// reserved are the families that a gateway adds to each group, in place of any that are pushed.
var reserved = []string{"push_time_seconds", "push_failure_time_seconds"}

// Engine pushes. All methods may be called concurrently.
type Engine struct {
	opts     Options
	listener Listener
	siblings *exposition.Siblings
	gateway  *gateway
	limiter  *rate.Limiter    // nil: no limit
	breaker  *breaker.Breaker // nil: none
	health   health
	suspects suspects
	warned   sync.Once

	// slots are taken by turns under way. wake is signalled when a turn may be due earlier than was thought.
	slots   chan struct{}
	wake    chan struct{}
	drained chan struct{}

	cancel context.CancelFunc
	wg     sync.WaitGroup
	stop   sync.Once

	mu struct {
		sync.Mutex
		groups   map[string]*group
		schedule schedule
		busy     int
		// paused is until when the gateway has asked to be left alone.
		paused time.Time
		// lost: the gateway could not be reached, so it may have lost its groups.
		lost bool
		// draining: turns do not wait for their interval any more. closed: there are none.
		draining, closed bool
		// looked is when room for a group was last looked for.
		looked time.Time
	}
}

// New returns an engine that does nothing yet.
func New(opts Options, listener Listener) *Engine {
	e := &Engine{
		opts: opts, listener: listener,
		siblings: exposition.NewSiblings(opts.Store, labelNames(opts.Rules), reserved),
		health:   health{tell: listener.Health},
		slots:    make(chan struct{}, max(opts.Concurrency, 1)),
		wake:     make(chan struct{}, 1), drained: make(chan struct{}), cancel: func() {},
	}
	if opts.Rate.PerSecond > 0 {
		e.limiter = rate.NewLimiter(rate.Limit(opts.Rate.PerSecond), max(opts.Rate.Burst, 1))
	}
	if opts.Breaker != nil {
		e.breaker = breaker.New(*opts.Breaker)
	}
	e.mu.groups = make(map[string]*group)
	return e
}

// Start begins to push with client, until Shutdown, however long ctx lasts.
func (e *Engine) Start(ctx context.Context, client *http.Client) {
	e.gateway = newGateway(client, e.opts.URL)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e.cancel = cancel
	e.wg.Go(func() { e.run(ctx) })
	e.wg.Go(func() { e.sweep(ctx) })
	if e.opts.Probe > 0 {
		e.wg.Go(func() { e.probe(ctx) })
	}
}

// Groups is how many groups are held.
func (e *Engine) Groups() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.mu.groups)
}

// Pending is how many groups changed since they were pushed.
func (e *Engine) Pending() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, g := range e.mu.groups {
		if g.wants() {
			n++
		}
	}
	return n
}

// Series is how many series all groups have.
func (e *Engine) Series() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, g := range e.mu.groups {
		n += g.store.Len()
	}
	return n
}

// Memory is about how many bytes all series take.
func (e *Engine) Memory() int64 { return e.siblings.Memory() }

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

// settle gives a group the turn it wants, or forgets it; the caller holds the lock.
func (e *Engine) settle(g *group) {
	switch {
	case g.busy:
	case g.idle():
		e.forget(g)
	case g.wants() && !e.mu.closed:
		e.plan(g)
	case g.index != unscheduled:
		heap.Remove(&e.mu.schedule, g.index)
	}
	e.checkDrained()
}

// plan schedules a group. Between failures it waits, else not at all when it is to end or the engine is.
func (e *Engine) plan(g *group) {
	due := time.Now()
	waits := g.held || !g.ending && !e.mu.draining
	if waits && g.notBefore.After(due) {
		due = g.notBefore
	}
	switch {
	case g.index == unscheduled:
		g.due = due
		heap.Push(&e.mu.schedule, g)
	case !g.due.Equal(due):
		g.due = due
		heap.Fix(&e.mu.schedule, g.index)
	}
	if g.index == 0 {
		e.signal()
	}
}

func (e *Engine) forget(g *group) {
	if g.index != unscheduled {
		heap.Remove(&e.mu.schedule, g.index)
	}
	delete(e.mu.groups, g.path)
	g.store.Close()
}

func (e *Engine) signal() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}
