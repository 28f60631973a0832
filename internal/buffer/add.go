package buffer

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// persistAfter is how long what is to be persisted may wait in memory to be delivered instead.
const persistAfter = time.Second

// Add takes metrics, which are the buffer's from then on even if it fails. It returns when what the package's comment says
// holds, or with an error: *FullError, ErrTooLarge, ErrClosed, that of the taker if it refused them for good, or that of ctx.
// After an error the metrics may have been delivered in part. Metrics without points are handed on at once.
func (b *Buffer) Add(ctx context.Context, md pmetric.Metrics) error {
	items := b.split(ctx, md)
	if len(items) == 0 || len(items) == 1 && items[0].points == 0 {
		return b.opts.Deliver(ctx, md)
	}
	r, toDisk, err := b.admit(items) //nolint:contextcheck // deliveries belong to the buffer, not to a call
	if err != nil || r == nil {
		return err
	}
	b.write(ctx, toDisk)
	return b.wait(ctx, r, items)
}

// admit puts items into their lanes. It returns a receipt if the answer is not known yet, and those that are to be written.
func (b *Buffer) admit(items []*item) (*receipt, []*item, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	heap, points := total(items)
	if err := b.refusal(heap, points); err != nil {
		return nil, nil, err
	}
	b.counts.accepted += points
	now := time.Now()
	tooMuch := b.memory+heap > b.opts.SpillThreshold || b.memory+b.reading+heap > b.opts.MaxBytes
	toDisk := b.log != nil && tooMuch && b.storage.usable(now)
	var r *receipt
	if b.opts.Persisted || toDisk {
		r = newReceipt(items)
	}
	var written []*item
	for _, it := range items {
		if b.place(it, toDisk, now) == writing {
			written = append(written, it)
		}
	}
	return r, written, nil
}

func total(items []*item) (heap, points int64) {
	for _, it := range items {
		heap += it.heap
		points += int64(it.points)
	}
	return heap, points
}

// refusal says why items of that size are not taken. b.mu is held.
func (b *Buffer) refusal(heap, points int64) error {
	switch {
	case b.closing:
		return ErrClosed
	case heap > b.opts.MaxBytes && b.log == nil:
		b.counts.refused += points
		return ErrTooLarge
	case b.memory+b.reading+heap > b.opts.MaxBytes && (b.log == nil || !b.storage.usable(time.Now())):
		return b.full(heap, points)
	}
	return nil
}

// full counts a refusal. b.mu is held.
func (b *Buffer) full(heap, points int64) error {
	b.counts.refused += points
	return &FullError{RetryAfter: b.rate.delay(time.Now(), heap), Storage: b.storage.err}
}

// place queues one item. What is to be persisted does not wait in memory behind what was refused. b.mu is held.
func (b *Buffer) place(it *item, toDisk bool, now time.Time) place {
	l := b.lane(it.id)
	if toDisk || b.opts.Persisted && l.refused && b.storage.usable(now) {
		it.place = writing
		l.push(it)
		return writing
	}
	l.push(it)
	b.hold(it)
	if !b.opts.Persisted {
		it.answer()
	}
	if !l.served || b.isFull(l) {
		b.serveLane(l)
	}
	return queued
}

// isFull reports whether the lane's queue makes a batch. b.mu is held.
func (b *Buffer) isFull(l *lane) bool {
	return b.opts.BatchItems > 0 && l.points >= b.opts.BatchItems || b.opts.BatchBytes > 0 && l.wire >= b.opts.BatchBytes
}

// wait waits for the receipt. What is not settled after a while is written, if it can be.
func (b *Buffer) wait(ctx context.Context, r *receipt, items []*item) error {
	for {
		settled, err := r.wait(ctx, persistAfter)
		switch {
		case err != nil:
			b.withdraw(r, items)
			return err
		case settled:
			return nil
		}
		b.persist(ctx, items)
	}
}

// withdraw takes back what is not on its way. What becomes of the rest is no longer for the sender to hear: it is kept.
func (b *Buffer) withdraw(r *receipt, items []*item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, it := range items {
		if it.place == queued {
			r.returned += b.giveBack(it)
		}
	}
	r.left = 0
	b.counts.kept += r.points - r.returned
}

// giveBack takes an item out of its lane that was accepted. b.mu is held.
func (b *Buffer) giveBack(it *item) (points int64) {
	it.lane.remove(it)
	b.let(it)
	it.claims = nil
	b.counts.returned += int64(it.points)
	return int64(it.points)
}
