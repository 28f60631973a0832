package buffer

import (
	"context"
	"time"
)

const (
	// flushBeforeCopying is how long a stop delivers what is in memory before it writes a copy of it.
	flushBeforeCopying = time.Second
	// longestStop is for a stop without a deadline.
	longestStop = 30 * time.Second
	// longestMargin is what is left of a deadline for the end at most: to write what is left, and to close the log.
	longestMargin = time.Second
)

// Left is what a buffer that is closed did not deliver, in data points.
type Left struct {
	// Stored is on disk, for the next process; Lost was in memory only.
	Stored, Lost int64
}

// Close delivers what it can until shortly before ctx ends. What is in memory is on disk long before, if there is one: a
// taker that hangs costs time and nothing else. It does not wait for what is on disk while the taker refuses. Close may be called
// more than once.
func (b *Buffer) Close(ctx context.Context) (Left, error) {
	b.close.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, longestStop)
		defer cancel()
		b.begin()
		b.flush(ctx)
		b.left, b.closed = b.end(ctx)
	})
	return b.left, b.closed
}

// begin refuses new items.
func (b *Buffer) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closing, b.closingSince = true, time.Now()
	for _, l := range b.lanes {
		l.nudge()
	}
}

func flushUntil(ctx context.Context) time.Time {
	deadline, _ := ctx.Deadline()
	return deadline.Add(-min(longestMargin, time.Until(deadline)/4))
}

// flush returns when nothing is left to deliver, or nothing that anybody takes and would be lost, or shortly before ctx ends.
func (b *Buffer) flush(ctx context.Context) {
	ctx, cancel := context.WithDeadline(ctx, flushUntil(ctx))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	copyAt := time.Now().Add(flushBeforeCopying)
	for !b.isFlushed() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if time.Now().After(copyAt) {
			b.persist(ctx, b.inMemory())
		}
	}
}

// isFlushed reports whether lanes hold nothing but what is on disk and was refused.
func (b *Buffer) isFlushed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lanes {
		if l.served && (!l.refused || !l.isOnDisk()) {
			return false
		}
	}
	return true
}

// isOnDisk reports whether nothing of the lane is in memory alone. Buffer.mu is held.
func (l *lane) isOnDisk() bool {
	return len(l.queue) == 0 && (l.flying == nil || l.flying.isStored())
}

func (it *item) isStored() bool { return it.copied || it.records != nil }

// inMemory are the items that end with the process.
func (b *Buffer) inMemory() (items []*item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lanes {
		if l.flying != nil && !l.flying.isStored() {
			items = append(items, l.flying)
		}
		items = append(items, l.queue...)
	}
	return items
}

// end gives up delivering, writes what is left and closes the log.
func (b *Buffer) end(ctx context.Context) (left Left, err error) {
	b.giveUp()
	b.awaitLanes(ctx)
	b.persist(ctx, b.inMemory())
	b.settleStored()
	left = b.settleRest()
	if b.log == nil {
		return left, nil
	}
	err = b.log.Close(ctx)
	left.Stored = int64(b.log.Stats().Pending.Points)
	return left, err
}

// awaitLanes waits for deliveries to notice that they are over; one that hangs is left behind, with time to write it.
func (b *Buffer) awaitLanes(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		b.served.Wait()
		close(done)
	}()
	deadline, _ := ctx.Deadline()
	t := time.NewTimer(min(100*time.Millisecond, time.Until(deadline)/2))
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// settleStored lets go of deliveries that hang and are on disk: there they stay, even if somebody takes them yet.
func (b *Buffer) settleStored() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lanes {
		if it := l.flying; it != nil && it.isStored() {
			it.answer()
			b.settle(it)
		}
	}
}

// settleRest counts what is in memory alone as dropped, and tells senders that still wait.
func (b *Buffer) settleRest() (left Left) {
	items := b.inMemory()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, it := range items {
		it = it.batch()
		if it.place == settled {
			continue
		}
		if it.place != flying {
			it.lane.remove(it)
		}
		b.let(it)
		it.place = settled
		left.Lost += b.lose(it, Stopped, ErrClosed)
	}
	return left
}
