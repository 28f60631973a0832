package buffer

import (
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// fly delivers a batch, which has a slot, and returns when it is settled or the buffer is closed. The slot is kept until
// the disk knows of a delivery: no more batches than there are slots come twice after a crash.
func (b *Buffer) fly(it *item) {
	for refusals := 1; ; refusals++ {
		err := b.hand(it)
		reason, over := b.fateOf(it, refusals, err)
		if err == nil {
			b.delivered(it)
		}
		b.slots.leave(err == nil)
		if over {
			b.drop(it, reason, err)
		}
		if err == nil || over || !b.waitToRetry(it, refusals, err) {
			return
		}
	}
}

// hand calls the taker.
func (b *Buffer) hand(it *item) (err error) {
	md, err := it.take()
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v}
		}
	}()
	return b.opts.Deliver(it.number().in(it.metadata.in(b.base)), md)
}

// take returns the metrics for a taker. If it may change them, they are made anew for the next one; those of a batch from disk
// are read again.
func (it *item) take() (pmetric.Metrics, error) {
	if it.body == nil {
		return it.md, nil
	}
	if md := it.md; md != (pmetric.Metrics{}) {
		it.md = pmetric.Metrics{}
		return md, nil
	}
	o := opened{body: it.body}
	md, err := o.decode()
	if err != nil {
		return md, err
	}
	return keep(md), nil
}

// fateOf reports why a batch that was refused so often is dropped, if it is.
func (b *Buffer) fateOf(it *item, refusals int, err error) (Reason, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if refusals == 1 {
		it.othersTaken = b.counts.batches
	}
	if err == nil {
		return 0, false
	}
	b.counts.refusals++
	if most := b.opts.Retry.PoisonAttempts; most > 0 && refusals >= most && b.counts.batches > it.othersTaken {
		return Poison, true
	}
	return fate(err)
}

// waitToRetry returns false if the buffer is closed, which leaves the batch in its lane.
func (b *Buffer) waitToRetry(it *item, refusals int, err error) bool {
	b.setRefused(it.lane, true)
	b.unload(it)
	refused := time.Now()
	until := refused.Add(b.opts.Retry.after(refusals, err))
	for {
		wait := time.Until(b.sooner(refused, until))
		if wait <= 0 || b.gaveUp() {
			break
		}
		it.lane.sleep(b.base, wait)
	}
	b.setRefused(it.lane, false)
	return b.reload(it)
}

// sooner is until, or while the buffer closes a short while after the refusal, or after it began to close.
func (b *Buffer) sooner(refused, until time.Time) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closingSince.After(refused) {
		refused = b.closingSince
	}
	if last := refused.Add(b.opts.Retry.Initial); b.closing && last.Before(until) {
		return last
	}
	return until
}

func (b *Buffer) setRefused(l *lane, refused bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.refused = refused
}

// delivered settles a batch that was taken.
func (b *Buffer) delivered(it *item) {
	b.mu.Lock()
	b.counts.batches++
	counted := it.place != flying // by a stop that did not wait for it
	if !counted {
		b.counts.delivered += int64(it.points)
		b.rate.left(time.Now(), it.heap)
		it.answer()
		b.settle(it)
	}
	b.mu.Unlock()
	if !counted {
		b.eraseOf(it)
	}
}

// settle ends a flight. b.mu is held.
func (b *Buffer) settle(it *item) {
	it.place, it.lane.flying = settled, nil
	b.let(it)
	b.reading -= it.reserved
	it.reserved = 0
	b.freed.tell()
}

// eraseOf erases the records of a batch that is settled.
func (b *Buffer) eraseOf(it *item) {
	for _, seq := range it.records {
		b.erase(it.lane.id, seq)
	}
	if it.copied {
		b.erase(it.lane.id, it.seq)
	}
}

// drop settles a batch that nobody takes. A sender that waits is told; for nobody else it is a loss.
func (b *Buffer) drop(it *item, reason Reason, err error) {
	if b.isCounted(it) {
		return
	}
	if reason == Poison || reason == Panicked {
		b.setAside(it)
	}
	b.mu.Lock()
	b.settle(it)
	b.lose(it, reason, err)
	b.mu.Unlock()
	b.eraseOf(it)
}

// lose counts the points of an item that is held no more: senders that wait for some hear of it, the rest is dropped. b.mu
// is held.
func (b *Buffer) lose(it *item, reason Reason, err error) (dropped int64) {
	returned := it.refuse(err)
	dropped = int64(it.points) - returned
	b.counts.returned += returned
	b.counts.dropped[reason] += dropped
	if dropped > 0 {
		b.opts.OnDrop(Drop{it.number(), reason, int(dropped), err})
	}
	return dropped
}

// isCounted reports whether a stop has counted the batch that did not wait for it.
func (b *Buffer) isCounted(it *item) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return it.place != flying
}

// setAside keeps a batch on disk where nothing reads it again.
func (b *Buffer) setAside(it *item) {
	if b.log == nil {
		return
	}
	b.persist(b.always, []*item{it})
	b.mu.Lock()
	records := it.records
	if it.copied {
		records, it.copied = append(records, it.seq), false
	}
	it.records = nil
	b.mu.Unlock()
	for _, seq := range records {
		if err := b.log.SetAside(b.always, it.lane.id, seq); err != nil {
			b.erase(it.lane.id, seq)
		}
	}
}

// appendTo moves what src holds to the end of dest, or copies it if others hold it too.
func appendTo(dest, src pmetric.Metrics) {
	if !src.IsReadOnly() {
		src.ResourceMetrics().MoveAndAppendTo(dest.ResourceMetrics())
		return
	}
	rms := src.ResourceMetrics()
	dest.ResourceMetrics().EnsureCapacity(dest.ResourceMetrics().Len() + rms.Len())
	for _, rm := range rms.All() {
		rm.CopyTo(dest.ResourceMetrics().AppendEmpty())
	}
}
