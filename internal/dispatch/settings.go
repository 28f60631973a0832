package dispatch

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/priority"
)

// Options are those of a dispatcher.
type Options struct {
	// MinWorkers are kept, MaxWorkers are not exceeded, slow deliveries aside. At least 1 each.
	MinWorkers, MaxWorkers int
	// Patience is how long a delivery may take before it counts as slow, which is found out within half as much again.
	// Default: 10ms.
	Patience time.Duration
	// Idle is how long a worker above MinWorkers waits for work. Default: 5s.
	Idle time.Duration
}

// Settings are those of a lane.
type Settings[E any] struct {
	Name     string
	Priority priority.Priority

	// Deliver hands over events, which are valid until it returns. It is never called concurrently for one lane.
	Deliver func(ctx context.Context, events []E) error
	// Stamp, if not nil, numbers an event, from 1 on and in the order of Push: dropped ones leave a gap.
	Stamp func(event *E, sequence uint64)
	// Changed, if not nil, is told that the breaker opened, by which error, or has closed: then it is nil.
	Changed func(error)
	// Failed, if not nil, is told of each error that ends in a drop, and of how many events that is.
	Failed func(err error, reason Reason, events int)

	// Size is how many events may wait.
	Size int
	// Batch is how many events are handed over at most, and wait for each other for up to Interval; 0 means one by one.
	Batch    int
	Interval time.Duration

	// Timeout bounds a delivery: its context ends then.
	Timeout time.Duration
	// OnOverflow says what becomes of an event for which there is no room. Block waits for BlockTimeout at most; a lane for
	// which that was in vain drops until it has taken something.
	OnOverflow   Overflow
	BlockTimeout time.Duration

	// Retry is what an error that is not Permanent leads to; the zero value does not retry.
	Retry Retry
	// Breaker makes deliveries wait while the receiver fails; nil means that they do not.
	Breaker *breaker.Config
}

// Retry says when a delivery that failed is tried again.
type Retry struct {
	// Initial is the first pause, which is multiplied up to Max each time, and is longer or shorter by up to the share Jitter at
	// random. 0 means not to retry.
	Initial, Max       time.Duration
	Multiplier, Jitter float64
	// Elapsed bounds the time since the first failure; 0 means no bound.
	Elapsed time.Duration
}

func (r Retry) pause(attempt int) time.Duration {
	d := float64(r.Initial)
	for range attempt {
		if d >= float64(r.Max) {
			break
		}
		d *= max(r.Multiplier, 1)
	}
	d = min(d, float64(r.Max))
	return time.Duration(d * (1 + r.Jitter*(2*rand.Float64()-1))) //nolint:gosec // nothing to guess here
}

// Overflow is what becomes of an event for which there is no room.
type Overflow uint8

// What there is.
const (
	DropOldest Overflow = iota
	DropNewest
	Block
)

// Permanent marks an error that no retry helps against.
func Permanent(err error) error { return &permanent{err} }

type permanent struct{ error }

func (p *permanent) Unwrap() error { return p.error }

// Later marks an error whose other side says when to come back.
func Later(err error, after time.Duration) error { return &later{err, after} }

type later struct {
	error
	after time.Duration
}

func (l *later) Unwrap() error { return l.error }

func isPermanent(err error) bool {
	_, ok := errors.AsType[*permanent](err)
	return ok
}

func retryAfter(err error) time.Duration {
	if l, ok := errors.AsType[*later](err); ok {
		return l.after
	}
	return 0
}
