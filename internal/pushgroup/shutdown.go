package pushgroup

import (
	"context"
	"fmt"
	"time"
)

// Shutdown ends pushing as Options.OnShutdown says, before ctx is done and within Options.Patience. It may be called
// without Start and more than once. The error tells what the gateway does not have.
func (e *Engine) Shutdown(ctx context.Context) (err error) {
	e.stop.Do(func() { err = e.shutdown(ctx) })
	return err
}

func (e *Engine) shutdown(ctx context.Context) error {
	if e.gateway == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.opts.Patience)
	defer cancel()
	e.drain()
	select {
	case <-e.drained:
	case <-ctx.Done():
	}
	e.cancel()
	e.wg.Wait()
	return e.leave()
}

// drain gives each group the last turn it is to have.
func (e *Engine) drain() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.draining = true
	e.mu.closed = e.opts.OnShutdown == Keep
	e.mu.paused = time.Time{}
	for _, g := range e.mu.groups {
		e.lastTurn(g)
	}
	for _, g := range e.mu.groups {
		e.settle(g)
	}
	e.checkDrained()
	e.signal()
}

// lastTurn lets no earlier failure stand in the way.
func (e *Engine) lastTurn(g *group) {
	g.failures, g.held = 0, false
	if e.opts.OnShutdown == Delete {
		g.changed, g.ending = false, g.owned
	}
}

// checkDrained tells Shutdown that no group wants a turn any more; the caller holds the lock.
func (e *Engine) checkDrained() {
	if e.mu.draining && e.mu.busy == 0 && len(e.mu.schedule) == 0 {
		e.mu.draining = false
		close(e.drained)
	}
}

// leave counts what was not done.
func (e *Engine) leave() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.closed = true
	groups, series := 0, 0
	for _, g := range e.mu.groups {
		if g.changed || g.ending {
			groups++
			series += g.store.Len()
		}
	}
	if groups == 0 {
		return nil
	}
	if e.opts.OnShutdown != Delete {
		e.listener.Dropped(ReasonShutdown, series)
	}
	if e.opts.OnShutdown == Keep {
		return nil
	}
	return fmt.Errorf("%d groups with %d series could not be brought up to date", groups, series)
}
