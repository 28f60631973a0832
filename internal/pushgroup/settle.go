package pushgroup

import (
	"container/heap"
	"time"
)

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
