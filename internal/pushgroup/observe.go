package pushgroup

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sluice-metrics/sluice/internal/breaker"
)

var errSpared = errors.New("the circuit breaker is open")

// observe learns from an answer how the gateway is.
func (e *Engine) observe(ticket breaker.Ticket, a *Answer, method string) {
	switch a.Verdict {
	case Canceled:
		ticket.Cancel()
	case Transient:
		if ticket.Failure(time.Now(), a.RetryAfter) {
			e.health.set(breakerOpen, fmt.Errorf("circuit breaker is open: %w", a.Fault()))
		}
		e.mayHaveLost(a.unreachable)
	case Accepted, Inconsistent, Permanent:
		if ticket.Success() {
			e.health.set(breakerOpen, nil)
		}
		e.works(a, method)
	}
}

// works is told that the gateway has answered.
func (e *Engine) works(a *Answer, method string) {
	if a.Verdict == Permanent {
		e.health.set(pushesRefused, fmt.Errorf("gateway refuses requests: %w", a.Fault()))
		return
	}
	if a.Verdict != Accepted {
		return
	}
	e.health.set(pushesRefused, nil)
	if a.Status == http.StatusAccepted && method != http.MethodDelete {
		e.warned.Do(e.listener.Unchecked)
	}
	e.restore()
}

func (e *Engine) mayHaveLost(unreachable bool) {
	if !unreachable {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.lost = true
}

// restore pushes all groups again once a gateway is back that could not be reached: it may have started without them.
func (e *Engine) restore() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.mu.lost {
		return
	}
	e.mu.lost = false
	for _, g := range e.mu.groups {
		if g.owned && !g.ending {
			g.changed = true
			e.settle(g)
		}
	}
}
