package dispatch

import (
	"iter"
	"time"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/priority"
)

// Priority is that of the settings.
func (l *Lane[E]) Priority() priority.Priority { return l.set.Priority }

// Published is how many events have been pushed, or dropped before.
func (l *Lane[E]) Published() int64 { return l.published.Load() }

// Delivered is how many have been handed over.
func (l *Lane[E]) Delivered() int64 { return l.delivered.Load() }

// Dropped is how many have been dropped for a reason.
func (l *Lane[E]) Dropped(r Reason) int64 { return l.dropped[r].Load() }

// Waiting is how many are queued or under way.
func (l *Lane[E]) Waiting() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(l.queue.length) + max(0, l.taken.Load())
}

// BreakerState is closed if there is no breaker.
func (l *Lane[E]) BreakerState(now time.Time) breaker.State {
	if l.breaker == nil {
		return breaker.Closed
	}
	return l.breaker.Status(now).State
}

// Lanes visits the lanes there are now.
func (d *Dispatcher[E]) Lanes() iter.Seq[*Lane[E]] {
	return func(yield func(*Lane[E]) bool) {
		for _, l := range d.list() {
			if !yield(l) {
				return
			}
		}
	}
}

// Workers is how many goroutines there are.
func (d *Dispatcher[E]) Workers() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.workers)
}
