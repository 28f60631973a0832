package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sluice-metrics/sluice/internal/breaker"
)

// worker serves one lane after the other.
type worker[E any] struct {
	dispatcher *Dispatcher[E]
	wake       chan struct{}
	// lane is the one being served, detached says that its place is another's: both under the dispatcher's lock.
	lane     *Lane[E]
	detached bool
	// step is odd while a delivery is under way, and another for each. The dispatcher takes note under its lock of the one it saw
	// last, and since when.
	step  atomic.Uint64
	seen  uint64
	since time.Time
	// events are those taken from the lane, done how many of them are over.
	events []E
	done   int
}

// takesLong looks whether the worker has been seen with the same delivery for as long as patience.
func (w *worker[E]) takesLong(now time.Time, patience time.Duration) bool {
	if step := w.step.Load(); step != w.seen {
		w.seen, w.since = step, now
	}
	return w.seen%2 == 1 && now.Sub(w.since) >= patience
}

// work and rest begin and end deliveries. No clock is read for those that are quick.
func (w *worker[E]) work() { w.step.Add(1 + w.step.Load()%2) }

func (w *worker[E]) rest() { w.step.Add(w.step.Load() % 2) }

// run ends when there is nothing to do for long, or the dispatcher ends. A receiver that ends its goroutine ends a worker,
// not the service.
func (w *worker[E]) run() {
	regular := false
	defer func() {
		if !regular {
			w.abandon()
		}
	}()
	for l := w.next(); l != nil; l = w.next() {
		w.serve(l)
	}
	regular = true
}

// next waits for a lane. nil ends the worker.
func (w *worker[E]) next() *Lane[E] {
	d := w.dispatcher
	for {
		d.mu.Lock()
		w.lane = nil
		if !w.reattach() {
			w.leave()
			d.mu.Unlock()
			return nil
		}
		if l := d.pick(w); l != nil {
			d.mu.Unlock()
			return l
		}
		d.idle = append(d.idle, w)
		surplus := d.attached > d.opts.MinWorkers
		d.mu.Unlock()
		if !w.await(surplus) {
			return nil
		}
	}
}

// reattach takes a place again after a slow delivery, if there is one.
func (w *worker[E]) reattach() bool {
	d := w.dispatcher
	if d.ended {
		return false
	}
	if w.detached {
		if d.attached >= d.opts.MaxWorkers {
			return false
		}
		w.detached = false
		d.attached++
	}
	return true
}

// leave takes the worker off the list.
func (w *worker[E]) leave() {
	d := w.dispatcher
	d.workers = slices.DeleteFunc(d.workers, func(o *worker[E]) bool { return o == w })
	if !w.detached {
		d.attached--
	}
}

// await returns false if nobody wakes a surplus worker in time.
func (w *worker[E]) await(surplus bool) bool {
	if !surplus {
		<-w.wake
		return true
	}
	timer := time.NewTimer(w.dispatcher.opts.Idle)
	defer timer.Stop()
	select {
	case <-w.wake:
		return true
	case <-timer.C:
		return !w.retire()
	}
}

// retire leaves unless the worker has been woken meanwhile, or has become one of the last.
func (w *worker[E]) retire() bool {
	d := w.dispatcher
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.Index(d.idle, w)
	if i < 0 {
		<-w.wake
		return false
	}
	d.idle = slices.Delete(d.idle, i, i+1)
	if d.attached <= d.opts.MinWorkers {
		return false
	}
	w.leave()
	return true
}

// serve delivers what a lane has ready, or as much of it as higher priorities allow.
func (w *worker[E]) serve(l *Lane[E]) {
	ticket, ok := l.take(w)
	if !ok {
		return
	}
	if l.set.Batch > 0 {
		w.deliver(l, len(w.events), ticket)
	} else {
		w.deliverEach(l, ticket)
	}
}

// deliverEach hands events over one by one, until a higher priority has something.
func (w *worker[E]) deliverEach(l *Lane[E], ticket breaker.Ticket) {
	for {
		if w.dispatcher.claims.above(l.rank) || w.dispatcher.over.Load() {
			ticket.Cancel()
			l.giveBack(w, idle, 0)
			return
		}
		if !w.deliver(l, 1, ticket) {
			return
		}
		var ok bool
		if ticket, ok = l.next(); !ok { // the breaker has opened: the lane finds out when to go on
			l.giveBack(w, idle, 0)
			return
		}
	}
}

// deliver hands over the next n events that were taken. It returns false once the lane has been given back.
func (w *worker[E]) deliver(l *Lane[E], n int, ticket breaker.Ticket) (more bool) {
	more = w.done+n < len(w.events)
	if !more {
		l.begun()
	}
	err := w.hand(l, w.events[w.done:w.done+n])
	l.tell(ticket, err)
	if err != nil {
		if pause, again := l.again(err); again {
			l.giveBack(w, waiting, pause)
			return false
		}
	}
	l.over(n, err)
	w.done += n
	if !more {
		l.giveBack(w, idle, 0)
	}
	return more
}

// hand looks at the clock only for a lane that has been slow: until it is quick again.
func (w *worker[E]) hand(l *Lane[E], events []E) error {
	ctx := l.context()
	w.work()
	if !l.slow.Load() {
		err := w.call(ctx, l, events)
		if l.slow.Load() { // meanwhile
			l.paced(true)
		}
		return err
	}
	began := time.Now()
	err := w.call(ctx, l, events)
	l.paced(time.Since(began) >= w.dispatcher.opts.Patience)
	return err
}

// errGone is what a receiver has done that ended its goroutine.
var errGone = errors.New("the receiver ended its goroutine")

// fault is a panic.
type fault struct{ value any }

func (f *fault) Error() string { return fmt.Sprintf("panic: %v", f.value) }

func isFault(err error) bool {
	_, ok := errors.AsType[*fault](err)
	return ok
}

func (w *worker[E]) call(ctx context.Context, l *Lane[E], events []E) (err error) {
	regular := false
	defer func() {
		if regular {
			return
		}
		if value := recover(); value != nil {
			err = &fault{value}
		}
	}()
	err = l.set.Deliver(ctx, events)
	regular = true
	return err
}

// abandon is for a worker whose goroutine ends within a delivery.
func (w *worker[E]) abandon() {
	l := w.lane
	n := 1
	if l.set.Batch > 0 {
		n = len(w.events)
	}
	l.over(n, &fault{errGone})
	w.done += n
	l.giveBack(w, idle, 0)
	d := w.dispatcher
	d.mu.Lock()
	defer d.mu.Unlock()
	w.leave()
	d.wake(d.waitingLanes())
}
