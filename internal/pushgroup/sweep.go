package pushgroup

import (
	"context"
	"time"
)

const (
	minSweep = time.Second
	maxSweep = time.Minute
)

// sweep removes series that expired and ends groups that are idle, until ctx is done.
func (e *Engine) sweep(ctx context.Context) {
	ticker := time.NewTicker(e.sweepInterval())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			e.sweepOnce(ctx)
		}
	}
}

// sweepInterval bounds how much later than due things end.
func (e *Engine) sweepInterval() time.Duration {
	every := maxSweep
	for _, d := range []time.Duration{e.opts.Store.Expiration, e.opts.TTL} {
		if d > 0 {
			every = min(every, d/4)
		}
	}
	return max(every, minSweep)
}

func (e *Engine) sweepOnce(ctx context.Context) {
	expired := 0
	for _, g := range e.all() {
		if ctx.Err() != nil {
			break
		}
		n := g.store.Expire()
		expired += n
		e.sweepGroup(g, n > 0)
	}
	if expired > 0 {
		e.listener.Expired(expired)
	}
}

// all returns the groups of now; each is to be given to sweepGroup, for it is not forgotten before.
func (e *Engine) all() []*group {
	e.mu.Lock()
	defer e.mu.Unlock()
	groups := make([]*group, 0, len(e.mu.groups))
	for _, g := range e.mu.groups {
		g.adding++
		groups = append(groups, g)
	}
	return groups
}

// sweepGroup marks what the passing of time has changed.
func (e *Engine) sweepGroup(g *group, expired bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	g.adding--
	now := time.Now()
	if e.opts.TTL > 0 && now.Sub(g.updated) >= e.opts.TTL && !g.gone {
		g.ending, g.changed = true, false
	}
	if (expired || !g.busy && g.refused.due(now)) && !g.ending && !g.gone {
		g.changed = true
	}
	e.settle(g)
}
