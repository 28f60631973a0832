package dispatch

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-metrics/sluice/internal/breaker"
)

// chunk is how many events a worker takes at once to hand them over one by one.
const chunk = 64

type state uint8

// The states of a lane: it has nothing to deliver, waits for a worker, is served, or waits for time to pass.
const (
	idle state = iota
	ready
	running
	waiting
)

// Lane is the queue of one receiver. All methods may be called concurrently.
type Lane[E any] struct {
	dispatcher *Dispatcher[E]
	set        Settings[E]
	rank       int
	breaker    *breaker.Breaker
	// base is what the contexts of deliveries derive from.
	base context.Context

	published, delivered atomic.Int64
	dropped              [reasons]atomic.Int64
	// taken is what is in the hands of a worker and not over.
	taken atomic.Int64
	// slow says that the last delivery took long. It changes under the lock.
	slow atomic.Bool

	mu    sync.Mutex
	state state
	queue ring[E]
	// unstarted says that the last of what was taken has not been begun.
	unstarted bool
	// claims says that the lane holds back those of lower priorities.
	claims   bool
	sequence uint64
	closed   bool
	// disowned says that what is taken has been counted as dropped.
	disowned bool
	// due says that a batch has waited long enough.
	due   bool
	timer *time.Timer
	// attempt is how often what is at the head of the queue has failed, since when it has first.
	attempt int
	since   time.Time
	// space is told when a worker has taken something. In vain says that a publisher has waited, and nothing was.
	space  chan struct{}
	inVain bool

	// What only the worker that serves the lane uses.
	ctx     context.Context //nolint:containedctx // renewed from time to time, as one for each event costs more than the event
	cancel  context.CancelFunc
	wearing *time.Timer
	// worn says that too much of the context's time is over. The timer says so.
	worn atomic.Bool
}

// Name is that of the settings.
func (l *Lane[E]) Name() string { return l.set.Name }

// Push takes events, as many as there is room for, and returns once they are queued or dropped. It waits only as
// Settings.OnOverflow has it. The slice is the caller's again.
func (l *Lane[E]) Push(ctx context.Context, events []E) {
	if len(events) == 0 {
		return
	}
	l.published.Add(int64(len(events)))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.set.Stamp != nil {
		for i := range events {
			l.sequence++
			l.set.Stamp(&events[i], l.sequence)
		}
	}
	if reason, no := l.refuses(); no {
		l.drop(reason, len(events))
		return
	}
	left := events[l.enqueue(events):]
	if len(left) > 0 {
		l.overflow(ctx, left)
	}
}

// Drop counts events that are not pushed.
func (l *Lane[E]) Drop(reason Reason, events int) {
	l.published.Add(int64(events))
	l.drop(reason, events)
}

func (l *Lane[E]) drop(reason Reason, events int) { l.dropped[reason].Add(int64(events)) }

func (l *Lane[E]) refuses() (Reason, bool) {
	if l.dispatcher.closing.Load() {
		return Stopped, true
	}
	return Unsubscribed, l.closed
}

// enqueue takes what there is room for.
func (l *Lane[E]) enqueue(events []E) int {
	n := l.queue.push(events, l.room())
	l.count(n)
	l.settle()
	return n
}

// room is how many the queue may hold.
func (l *Lane[E]) room() int { return l.set.Size - int(l.taken.Load()) }

func (l *Lane[E]) count(n int) { l.dispatcher.outstanding.Add(int64(n)) }

// overflow deals with events for which there was no room.
func (l *Lane[E]) overflow(ctx context.Context, events []E) {
	switch l.set.OnOverflow {
	case DropOldest:
		l.replace(events)
	case Block:
		l.wait(ctx, events)
	case DropNewest:
		l.drop(Full, len(events))
	}
}

// replace drops those that have waited longest, and of events the first, if they are more than there may be.
func (l *Lane[E]) replace(events []E) {
	room := l.room()
	surplus := max(0, len(events)-room)
	oldest := min(l.queue.length, len(events)-surplus-(room-l.queue.length))
	l.queue.drop(oldest)
	l.count(-oldest)
	l.drop(Full, oldest+surplus)
	l.enqueue(events[surplus:])
}

// wait queues events as there is room for them, and drops those for which there was none in time.
func (l *Lane[E]) wait(ctx context.Context, events []E) {
	if !l.inVain {
		deadline := time.NewTimer(l.set.BlockTimeout)
		defer deadline.Stop()
		for len(events) > 0 && l.waitForSpace(ctx, deadline.C) {
			events = events[l.enqueue(events):]
		}
	}
	reason, stopped := l.refuses()
	if !stopped {
		reason = Full
	}
	l.drop(reason, len(events))
}

// waitForSpace gives up the lock meanwhile.
func (l *Lane[E]) waitForSpace(ctx context.Context, deadline <-chan time.Time) bool {
	if l.space == nil {
		l.space = make(chan struct{})
	}
	space := l.space
	l.dispatcher.watchOut()
	l.mu.Unlock()
	inTime := false
	select {
	case <-space:
		inTime = true
	case <-deadline:
	case <-ctx.Done():
	}
	l.mu.Lock()
	_, stopped := l.refuses()
	l.inVain = l.inVain || !inTime && ctx.Err() == nil
	return inTime && !stopped
}

// freed tells whoever waits for room.
func (l *Lane[E]) freed() {
	l.inVain = false
	if l.space != nil {
		close(l.space)
		l.space = nil
	}
}

// settle finds out whether there is something to deliver.
func (l *Lane[E]) settle() {
	if l.state == idle && l.deliverable() {
		l.become(ready)
		l.dispatcher.ready(l, false)
	} else if l.state == idle && l.queue.length > 0 {
		l.arm(l.set.Interval)
	}
	l.claim()
}

func (l *Lane[E]) deliverable() bool {
	return l.queue.length > 0 && (l.queue.length >= l.set.Batch || l.due || l.dispatcher.closing.Load())
}

// become changes the state, and the claim with it: before anybody can act on the state.
func (l *Lane[E]) become(s state) {
	l.state = s
	l.claim()
}

// claim holds back lower priorities while there is something that has not been begun, unless the lane is slow.
func (l *Lane[E]) claim() {
	claims := l.state == ready || l.state == running && !l.slow.Load() && (l.unstarted || l.deliverable())
	if claims == l.claims {
		return
	}
	l.claims = claims
	if claims {
		l.dispatcher.claims.add(l.rank)
		return
	}
	l.dispatcher.claims.remove(l.rank)
	l.dispatcher.released()
}

// arm lets the lane be looked at again.
func (l *Lane[E]) arm(after time.Duration) {
	if l.timer == nil {
		l.timer = time.AfterFunc(after, l.ring)
	}
}

func (l *Lane[E]) disarm() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}

// ring is the timer's.
func (l *Lane[E]) ring() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.disarm()
	l.due = true
	l.resume()
}

func (l *Lane[E]) resume() {
	if l.state == waiting {
		l.become(idle)
	}
	l.settle()
}

// close drops what waits and takes no more.
func (l *Lane[E]) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.disarm()
	l.discard()
	l.freed()
	if l.state == waiting {
		l.become(idle)
	}
	l.claim()
}

// discard drops what is queued.
func (l *Lane[E]) discard() {
	n := l.queue.length
	l.queue.drop(n)
	l.count(-n)
	if reason, _ := l.refuses(); !l.disowned {
		l.drop(reason, n)
	}
}
