package pushgroup

import (
	"context"
	"net/http"
	"time"

	"github.com/sluice-metrics/sluice/internal/breaker"
)

// turn is the turn of one group.
type turn struct {
	*Engine
	group  *group
	ctx    context.Context
	ticket breaker.Ticket
	began  time.Time

	body *body
	// last is the answer that decided, why what is wrong with it, requests how many there were.
	last     Answer
	why      error
	requests int
}

// take pushes the group, or deletes it if it is to end or has nothing left.
func (t *turn) take(ctx context.Context) after {
	if t.isEnding() {
		return t.delete()
	}
	t.body = render(context.WithoutCancel(ctx), t.group.store)
	defer t.body.free()
	if len(t.body.families) == 0 {
		return t.delete()
	}
	return t.push()
}

// isEnding also notes that what is rendered from now on is what has come until now.
func (t *turn) isEnding() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.group
	if g.ending {
		return true
	}
	g.changed = false
	return false
}

// delete deletes the group if it is this engine's.
func (t *turn) delete() after {
	if !t.isOwned() {
		return deleted
	}
	a := t.request(http.MethodDelete, nil)
	r := t.report(a)
	defer func() { t.listener.Deleted(r) }()
	switch a.Verdict {
	case Accepted:
		return deleted
	case Transient:
		r.Outcome = OutcomeRetry
		return t.deleteAgain()
	case Canceled:
		r.Outcome = OutcomeCanceled
		return givenUp
	case Inconsistent, Permanent:
	}
	r.Outcome = OutcomePermanent
	return deleted
}

// isOwned reports whether there is anything to delete.
func (t *turn) isOwned() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.group.owned
}

// deleteAgain makes the group end if points have not come meanwhile.
func (t *turn) deleteAgain() after {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.group.ending = !t.group.changed
	return again
}

// push sends what is to be sent of the state: all but the families that are refused anyway or do not fit.
func (t *turn) push() after {
	send, rest := t.split(t.body.families)
	send, long := fitting(send, t.opts.MaxBody)
	a := t.request(t.opts.Method, t.body.join(send))
	var found found
	if a.Verdict == Inconsistent {
		found, a = t.isolate(send, a)
		send = found.taken
	}
	if a.Verdict == Accepted {
		t.group.refused.accept(t.began)
	}
	return t.conclude(a, send, map[Reason][]family{
		ReasonMaxBody: long, ReasonRefused: append(rest, found.refused...), ReasonUnsettled: found.unsettled,
	})
}

// split returns the families to send, and those that rest because they were refused.
func (t *turn) split(all []family) (send, rest []family) {
	if len(t.group.refused) == 0 {
		return all, nil
	}
	now := time.Now()
	for _, f := range all {
		if t.group.refused.rests(f.name, now) {
			rest = append(rest, f)
		} else {
			send = append(send, f)
		}
	}
	return send, rest
}

// conclude tells what became of a push.
func (t *turn) conclude(a Answer, sent []family, left map[Reason][]family) after {
	r := t.report(a)
	defer func() { t.listener.Pushed(r) }()
	switch a.Verdict {
	case Accepted:
		t.tellPartial(&r, sent, left)
		return settled
	case Transient:
		r.Outcome = OutcomeRetry
		return again
	case Canceled:
		r.Outcome = OutcomeCanceled
		return givenUp
	case Inconsistent, Permanent:
	}
	r.Outcome = OutcomePermanent
	t.listener.Dropped(ReasonPermanent, seriesOf(t.body.families))
	return settled
}

func (t *turn) tellPartial(r *Report, sent []family, left map[Reason][]family) {
	r.Series, r.Bytes = seriesOf(sent), sizeOf(sent)
	for reason, fs := range left {
		if n := seriesOf(fs); n > 0 {
			r.Outcome = OutcomePartial
			t.listener.Dropped(reason, n)
		}
	}
}

func (t *turn) report(a Answer) Report {
	t.last = a
	r := Report{Group: t.group.path, Outcome: OutcomeOK, Reason: a.Reason(), Took: time.Since(t.began), Requests: t.requests}
	if a.Verdict != Accepted {
		r.Why = a.Fault()
	}
	t.why = r.Why
	return r
}

// request makes one request of the turn. The first one has let go of the limits before it.
func (t *turn) request(method string, body []byte) Answer {
	if t.requests++; t.requests > 1 {
		if a, ok := t.admit(); !ok {
			return a
		}
	}
	ticket := t.ticket
	t.ticket = breaker.Ticket{}
	a := t.gateway.send(t.ctx, method, t.group.path, body)
	t.observe(ticket, &a, method)
	return a
}

// admit waits for the turn of a further request.
func (t *turn) admit() (Answer, bool) {
	if t.limiter != nil {
		if err := t.limiter.Wait(t.ctx); err != nil {
			return Answer{Verdict: Canceled, Err: err}, false
		}
	}
	ticket, _, ok := t.allow(time.Now())
	if !ok {
		return Answer{Verdict: Transient, Err: errSpared}, false
	}
	t.ticket = ticket
	return Answer{}, true
}
