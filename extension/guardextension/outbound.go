package guardextension

import (
	"context"
	"sync"
	"time"

	"github.com/sluice-metrics/sluice/internal/breaker"
)

// backend is what one client sends to. It is safe for concurrent use.
type backend struct {
	address   string
	protocol  protocol
	breaker   *breaker.Breaker // nil: none
	requests  *turns           // nil: no limit
	bytes     *turns           // nil: no limit
	decisions *decisions
	// changed is told, in order, that the breaker has opened or closed, and why.
	changed func(open bool, why error)

	mu   sync.Mutex
	open bool
}

func newBackend(c *ClientConfig, p protocol, address string, d *decisions) *backend {
	limits := c.Rate.limits()
	b := &backend{
		address: address, protocol: p, decisions: d,
		requests: newTurns(limits.Requests), bytes: newTurns(limits.Bytes),
	}
	if c.CircuitBreaker.Enabled {
		b.breaker = breaker.New(c.CircuitBreaker.settings())
	}
	return b
}

// begin lets a request of so many bytes go out, or says why not. It waits for the request's turn, but never beyond its
// deadline. A ticket must be given back by end.
func (b *backend) begin(ctx context.Context, bytes int64) (breaker.Ticket, refusal, error) {
	if no := b.spared(time.Now()); no.reason != admitted {
		return breaker.Ticket{}, b.refused(no), nil
	}
	if no, err := b.turn(ctx, bytes); err != nil {
		b.decisions.count(b.protocol, abandoned, classNone)
		return breaker.Ticket{}, refusal{}, err
	} else if no.reason != admitted {
		return breaker.Ticket{}, b.refused(no), nil
	}
	if b.breaker == nil {
		return breaker.Ticket{}, refusal{}, nil
	}
	now := time.Now()
	ticket, ok := b.breaker.Allow(now)
	if !ok {
		return ticket, b.refused(b.away(now)), nil
	}
	return ticket, refusal{}, nil
}

// spared looks before a request waits for its turn whether there is any sense in it.
func (b *backend) spared(now time.Time) refusal {
	if b.breaker != nil && b.breaker.Status(now).State == breaker.Open {
		return b.away(now)
	}
	return refusal{}
}

// away says when the backend may be tried again: when the breaker says so, or soon while others try it.
func (b *backend) away(now time.Time) refusal {
	const soon = time.Second
	wait := soon
	if s := b.breaker.Status(now); s.State == breaker.Open {
		wait = s.Until.Sub(now)
	}
	return refuse(breakerOpen, wait)
}

func (b *backend) turn(ctx context.Context, bytes int64) (refusal, error) {
	if late, err := b.requests.wait(ctx, 1); err != nil || late > 0 {
		return tooLate(requestRate, late), err
	}
	if late, err := b.bytes.wait(ctx, bytes); err != nil || late > 0 {
		b.requests.giveBack(1)
		return tooLate(byteRate, late), err
	}
	return refusal{}, nil
}

// tooLate says when it would be a request's turn.
func tooLate(r reason, late time.Duration) refusal {
	if late == 0 {
		return refusal{}
	}
	return refuse(r, late)
}

func (b *backend) refused(no refusal) refusal {
	if no.reason != admitted {
		b.decisions.count(b.protocol, no.reason, classNone)
	}
	return no
}

// outcome is what a request says about the backend.
type outcome int8

const (
	works outcome = iota
	fails
	unknown // whoever asked gave up
)

// end tells how it went, and how long the backend asks to be left alone.
func (b *backend) end(ticket breaker.Ticket, o outcome, retryAfter time.Duration, why error) {
	b.decisions.count(b.protocol, admitted, classNone)
	switch o {
	case works:
		if ticket.Success() {
			b.report(nil)
		}
	case fails:
		if ticket.Failure(time.Now(), retryAfter) {
			b.report(why)
		}
	default:
		ticket.Cancel()
	}
}

// report tells of the state there is when it is its turn: that of another answer may have overtaken this one's.
func (b *backend) report(why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	open := b.breaker.Status(time.Now()).State != breaker.Closed
	if open == b.open {
		return
	}
	b.open = open
	b.changed(open, why)
}
