package pushgroup

import (
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/exposition"
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
