package buffer

import (
	"context"
	"slices"
	"time"
)

// lane is one stream, or several that share it. Save for id and wake, Buffer.mu guards it.
type lane struct {
	id uint64
	// next is the number of the next item; all up to consumed are settled or in what flies.
	next, consumed uint64
	// queue is what is in memory or on its way to the disk, by number; points and wire are what of it can fly.
	queue  []*item
	points int
	wire   int64
	flying *item
	// served says that a goroutine delivers what the lane holds. It ends when there is nothing.
	served bool
	// refused says that what flies was refused, and waits to be tried again.
	refused bool
	// notBefore is when the disk may be read again, after it could not.
	notBefore time.Time
	wake      chan struct{}
}

func newLane(id uint64) *lane { return &lane{id: id, next: 1, wake: make(chan struct{}, 1)} }

// nudge makes the lane's goroutine look again.
func (l *lane) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// sleep returns after d, at once if d is 0, when nudged, or when ctx ends.
func (l *lane) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.wake:
	case <-ctx.Done():
	}
}

// push gives an item its number.
func (l *lane) push(it *item) {
	it.lane, it.seq = l, l.next
	l.next++
	l.queue = append(l.queue, it)
	if it.place == queued {
		l.weigh(it, 1)
	}
}

func (l *lane) weigh(it *item, sign int) {
	l.points += sign * it.points
	l.wire += int64(sign) * it.wire
}

// move puts an item of the queue from one place to another.
func (l *lane) move(it *item, to place) {
	if it.place == queued {
		l.weigh(it, -1)
	}
	if it.place = to; to == queued {
		l.weigh(it, 1)
	}
}

// remove takes an item that is not flying out of the queue.
func (l *lane) remove(it *item) {
	for i, other := range slices.Backward(l.queue) { // it is among the last ones, mostly
		if other == it {
			l.move(it, settled)
			l.queue = slices.Delete(l.queue, i, i+1)
			return
		}
	}
}

// pop takes the first items of the queue as one batch, as many as fit: queued, of one client, and before the number end.
func (l *lane) pop(end uint64, items int, wire int64) []*item {
	n, points, bytes := 0, 0, int64(0)
	for _, it := range l.queue {
		points += it.points
		bytes += it.wire
		if it.place != queued || it.seq >= end || n > 0 && (!it.metadata.equal(l.queue[0].metadata) || over(points, items) || over(bytes, wire)) {
			break
		}
		n++
	}
	batch := slices.Clone(l.queue[:n])
	for _, it := range batch {
		l.move(it, flying)
	}
	clear(l.queue[:n])
	l.queue = l.queue[n:]
	if len(l.queue) == 0 {
		l.queue = nil
	}
	return batch
}

// over reports whether n is beyond most; a most of 0 is none.
func over[T int | int64](n, most T) bool { return most > 0 && n > most }
