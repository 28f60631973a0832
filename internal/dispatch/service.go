package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/sluice-metrics/sluice/internal/breaker"
)

// What a worker does with the lane it serves.

// take moves what is to be delivered into the hands of a worker. It returns false if nothing is, or not yet.
func (l *Lane[E]) take(w *worker[E]) (breaker.Ticket, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = idle
	if !l.deliverable() {
		l.settle()
		return breaker.Ticket{}, false
	}
	ticket, wait := l.allowed()
	if wait > 0 {
		l.pause(wait)
		return ticket, false
	}
	n := chunk
	if l.set.Batch > 0 {
		n = l.set.Batch
	}
	w.events, w.done = l.queue.take(w.events[:0], n), 0
	l.unstarted = true
	l.taken.Store(int64(len(w.events)))
	l.disarm()
	l.due = false
	l.become(running)
	return ticket, true
}

// allowed asks the breaker, and tells how long to wait if it is open. At the end everything gets its one chance.
func (l *Lane[E]) allowed() (breaker.Ticket, time.Duration) {
	if l.breaker == nil || l.dispatcher.closing.Load() {
		return breaker.Ticket{}, 0
	}
	now := time.Now()
	ticket, ok := l.breaker.Allow(now)
	if ok {
		return ticket, 0
	}
	return ticket, max(time.Millisecond, l.breaker.Status(now).Until.Sub(now))
}

// next asks the breaker for one more delivery.
func (l *Lane[E]) next() (breaker.Ticket, bool) {
	if l.breaker == nil || l.dispatcher.closing.Load() {
		return breaker.Ticket{}, true
	}
	return l.breaker.Allow(time.Now())
}

// pause lets the lane wait.
func (l *Lane[E]) pause(wait time.Duration) {
	l.disarm()
	l.become(waiting)
	l.arm(wait)
}

// begun says that the last of what was taken is about to be delivered.
func (l *Lane[E]) begun() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unstarted = false
	l.claim()
}

// context is that of the next delivery. It lasts for the timeout, or a little less: for events that are quick to deliver it
// is renewed from time to time only.
func (l *Lane[E]) context() context.Context {
	const parts = 16
	if l.set.Timeout <= 0 {
		return l.base
	}
	if l.ctx == nil || l.worn.Load() {
		if l.cancel != nil {
			l.cancel()
			l.wearing.Stop()
		}
		l.worn.Store(false)
		l.ctx, l.cancel = context.WithTimeout(l.base, l.set.Timeout)
		l.wearing = time.AfterFunc(l.set.Timeout/parts, func() { l.worn.Store(true) })
	}
	return l.ctx
}

// takesLong takes away from a lane that is still with the same delivery what it holds back.
func (l *Lane[E]) takesLong(w *worker[E], step uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == running && w.step.Load() == step {
		l.slow.Store(true)
		l.freed()
		l.claim()
	}
}

// paced takes note of how long a delivery of a slow lane took.
func (l *Lane[E]) paced(long bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slow.Store(long)
	l.freed()
	l.claim()
}

// tell tells the breaker how a delivery went. A receiver that says no works.
func (l *Lane[E]) tell(ticket breaker.Ticket, err error) {
	if l.breaker == nil {
		return
	}
	changed := false
	if failed := err != nil && !isPermanent(err); failed {
		changed = ticket.Failure(time.Now(), retryAfter(err))
	} else {
		changed = ticket.Success()
	}
	if !changed || l.set.Changed == nil {
		return
	}
	if l.breaker.Status(time.Now()).State == breaker.Closed {
		err = nil
	}
	l.set.Changed(err)
}

// again tells whether a delivery that failed is tried once more, and when.
func (l *Lane[E]) again(err error) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.set.Retry
	if r.Initial <= 0 || isPermanent(err) || isFault(err) || l.dispatcher.closing.Load() || l.closed {
		return 0, false
	}
	if l.attempt == 0 {
		l.since = time.Now()
	}
	pause := max(r.pause(l.attempt), retryAfter(err))
	if r.Elapsed > 0 && time.Since(l.since)+pause > r.Elapsed {
		return 0, false
	}
	l.attempt++
	return pause, true
}

// over counts events that are delivered, or dropped for an error.
func (l *Lane[E]) over(n int, err error) {
	if !l.handled(n) {
		return
	}
	l.attempt = 0
	if err == nil {
		l.delivered.Add(int64(n))
		return
	}
	reason := l.reasonOf(err)
	l.drop(reason, n)
	if l.set.Failed != nil {
		l.set.Failed(err, reason, n)
	}
}

// handled takes events out of the worker's hands. It returns false if they have been given up already.
func (l *Lane[E]) handled(n int) bool {
	return l.taken.Add(int64(-n)) >= 0
}

// disown counts what a receiver that hangs holds as dropped.
func (l *Lane[E]) disown() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == running {
		l.disowned = true
		l.drop(Stopped, int(max(0, l.taken.Swap(disowned))))
	}
}

// disowned is less than any number of events can make up for.
const disowned = -1 << 40

func (l *Lane[E]) reasonOf(err error) Reason {
	switch {
	case isFault(err):
		return Panicked
	case isPermanent(err):
		return Rejected
	case l.base.Err() != nil:
		return Stopped
	case l.set.Retry.Initial > 0:
		return Exhausted
	case errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	default:
		return Failed
	}
}

// giveBack returns what a worker has not delivered to the head of the queue, and the lane to the dispatcher.
func (l *Lane[E]) giveBack(w *worker[E], to state, pause time.Duration) {
	w.rest()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count(-w.done)
	if left := w.events[w.done:]; len(left) > 0 {
		l.due = true
		l.queue.unshift(left)
	}
	l.taken.Store(0)
	l.unstarted = false
	clear(w.events)
	w.events, w.done = w.events[:0], 0
	l.freed()
	l.state = idle
	if l.closed {
		l.discard()
	}
	l.dispatcher.checkDrained()
	if to == waiting && l.queue.length > 0 && !l.dispatcher.closing.Load() {
		l.pause(pause)
		return
	}
	l.settle()
}
