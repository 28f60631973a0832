package pushgroup

import (
	"container/heap"
	"context"
	"time"

	"github.com/sluice-metrics/sluice/internal/breaker"
)

// run gives groups their turns until ctx is done.
func (e *Engine) run(ctx context.Context) {
	for {
		select {
		case e.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		g, ticket := e.next(ctx)
		if g == nil {
			return
		}
		e.wg.Go(func() {
			defer func() { <-e.slots }()
			e.turn(ctx, g, ticket)
			e.signal()
		})
	}
}

// next waits for a group that is due, and for the gateway to be ready for it; nil when ctx is done.
func (e *Engine) next(ctx context.Context) (*group, breaker.Ticket) {
	for ctx.Err() == nil {
		wait, due := e.untilDue(time.Now())
		if !due {
			e.sleep(ctx, wait)
			continue
		}
		ticket, wait, ok := e.allow(time.Now())
		if !ok {
			e.sleep(ctx, wait)
			continue
		}
		if e.limiter == nil || e.limiter.Wait(ctx) == nil {
			if g := e.begin(time.Now()); g != nil {
				return g, ticket
			}
		}
		ticket.Cancel()
	}
	return nil, breaker.Ticket{}
}

// forever is longer than anybody waits: whatever changes a schedule signals it.
const forever = time.Hour

// untilDue tells whether a turn is due, or how long to wait.
func (e *Engine) untilDue(now time.Time) (time.Duration, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	wait, some := e.mu.schedule.until(now)
	if !some {
		return forever, false
	}
	wait = max(wait, e.mu.paused.Sub(now))
	return wait, wait <= 0
}

func (e *Engine) sleep(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-e.wake:
	case <-timer.C:
	}
}

// retryProbe is when to ask a half-open breaker again: it may be another's probe that is under way.
const retryProbe = 100 * time.Millisecond

// allow asks the breaker. At the end it does not count: it is the last chance.
func (e *Engine) allow(now time.Time) (breaker.Ticket, time.Duration, bool) {
	if e.breaker == nil || e.isDraining() {
		return breaker.Ticket{}, 0, true
	}
	ticket, ok := e.breaker.Allow(now)
	if ok {
		return ticket, 0, true
	}
	return ticket, max(e.breaker.Status(now).Until.Sub(now), retryProbe), false
}

func (e *Engine) isDraining() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.mu.draining
}

// begin takes the group whose turn it is out of the schedule; nil if none is due.
func (e *Engine) begin(now time.Time) *group {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.mu.schedule) == 0 || e.mu.schedule[0].due.After(now) {
		return nil
	}
	g := heap.Pop(&e.mu.schedule).(*group)
	g.busy, g.started = true, now
	e.mu.busy++
	return g
}

// after is what a turn leaves.
type after int

const (
	// settled: the gateway has the state, or will not have it. again: it is to be tried again. deleted: it has no group.
	settled after = iota
	again
	deleted
	// givenUp: there was no time.
	givenUp
)

// turn pushes or deletes one group.
func (e *Engine) turn(ctx context.Context, g *group, ticket breaker.Ticket) {
	ctx, ended := e.listener.Begin(ctx, g.path)
	t := turn{Engine: e, group: g, ctx: ctx, ticket: ticket, began: time.Now()}
	left := t.take(ctx)
	ended(t.why)
	t.ticket.Cancel()
	e.end(g, left, &t.last)
}

// end books what a turn leaves.
func (e *Engine) end(g *group, left after, last *Answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	g.busy = false
	e.mu.busy--
	g.notBefore = g.started.Add(e.opts.Interval)
	switch left {
	case again:
		e.backOff(g, last, now)
	case deleted:
		// Meanwhile series may have come, or only markers that some have ended: those make nothing this engine's.
		g.owned, g.ending, g.gone = g.changed && g.store.Len() > 0, false, !g.changed
		g.failures, g.held = 0, false
	case settled, givenUp:
		g.failures, g.held = 0, false
		g.changed = g.changed || left == givenUp
	}
	e.settle(g)
}

// lastTries is how long a push is tried again at the end: a gateway that is down is not to hold up what stops.
const lastTries = 10 * time.Second

// backOff puts a turn off that failed for now. A gateway that says how long it wants to be left alone is, by all groups.
func (e *Engine) backOff(g *group, last *Answer, now time.Time) {
	g.changed = g.changed || !g.ending
	if g.failures == 0 {
		g.failing = now
	}
	g.failures++
	g.held = true
	next := now.Add(max(e.opts.Retry.after(g.failures), last.RetryAfter))
	switch {
	case e.mu.draining && (!e.opts.Retry.Enabled || next.Sub(g.failing) > lastTries):
		g.abandoned = true
	case e.opts.Retry.exhausted(g.failing, now):
		g.failures = 0
	default:
		g.notBefore = next
	}
	if until := now.Add(last.RetryAfter); last.RetryAfter > 0 && until.After(e.mu.paused) {
		e.mu.paused = until
	}
}
