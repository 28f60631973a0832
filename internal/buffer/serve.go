package buffer

import (
	"math"
	"time"
)

// serve delivers what a lane holds, batch by batch, and ends when it holds nothing or the buffer is closed.
func (b *Buffer) serve(l *lane) {
	for {
		wait, more := b.due(l)
		switch {
		case !more:
			return
		case wait > 0:
			l.sleep(b.base, wait)
		default:
			if it := b.load(l); it != nil {
				b.fly(it)
			}
		}
	}
}

// load returns the lane's next batch, with a slot, nil if there is none now. Memory comes first: who waits for it keeps
// nobody from delivering what takes some.
func (b *Buffer) load(l *lane) *item {
	room := b.roomFor(l)
	if !b.reserve(room) {
		return nil
	}
	if b.slots.enter(b.base) != nil {
		b.unreserve(room)
		return nil
	}
	it := b.take(l, room)
	if it == nil {
		b.unreserve(room)
		b.slots.yield()
	}
	return it
}

// roomFor is what has to be set apart for the lane's next batch: 0 if it is in memory.
func (b *Buffer) roomFor(l *lane) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.record(l) < l.first() {
		return b.replayRoom()
	}
	return 0
}

// longWait is for what somebody will end with a nudge.
const longWait = time.Minute

// due returns how long the lane waits for company, or that it holds nothing.
func (b *Buffer) due(l *lane) (wait time.Duration, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	record := b.record(l)
	switch {
	case b.gaveUp() || len(l.queue) == 0 && record == none:
		l.served = false
		return 0, false
	case record < l.first():
		return time.Until(l.notBefore), true
	case l.queue[0].place == writing:
		return longWait, true
	case b.closing || b.isFull(l):
		return 0, true
	default:
		return time.Until(l.queue[0].since.Add(b.opts.FlushInterval)), true
	}
}

// none is a number beyond all others.
const none = math.MaxUint64

// record is the number of the lane's next record on disk. b.mu is held.
func (b *Buffer) record(l *lane) uint64 {
	if b.log != nil {
		if seq, ok := b.log.Next(l.id, l.consumed); ok {
			return seq
		}
	}
	return none
}

// first is the number of the first item of the queue. Buffer.mu is held.
func (l *lane) first() uint64 {
	if len(l.queue) == 0 {
		return none
	}
	return l.queue[0].seq
}

// take returns the lane's next batch, nil if there is none now. Only with room it is one from disk.
func (b *Buffer) take(l *lane, room int64) *item {
	if room > 0 {
		return b.replay(l, room)
	}
	b.mu.Lock()
	items := l.pop(b.record(l), b.opts.BatchItems, b.opts.BatchBytes)
	if len(items) == 0 {
		b.mu.Unlock()
		return nil
	}
	batch := b.gather(l, items)
	b.mu.Unlock()
	b.merge(batch, items)
	return batch
}

// gather makes one flying batch of items that were popped. b.mu is held.
func (b *Buffer) gather(l *lane, items []*item) *item {
	batch := items[0]
	l.consumed = items[len(items)-1].seq
	if len(items) > 1 {
		batch = join(items)
		b.hold(batch)
		for _, it := range items {
			b.let(it)
		}
	}
	batch.merging = true
	l.flying = batch
	return batch
}

// join returns a batch that stands for all of the items; its metrics are yet to be made.
func join(items []*item) *item {
	head := items[0]
	batch := &item{id: head.id, lane: head.lane, seq: head.seq, metadata: head.metadata, since: head.since, place: flying}
	for _, it := range items {
		batch.points += it.points
		batch.wire += it.wire
		batch.heap += it.heap
		batch.claims = append(batch.claims, it.claims...)
		it.claims, it.into = nil, batch
	}
	return batch
}

// merge makes the metrics of a batch. Whoever may change them gets them as they are; what is kept is protobuf, which costs
// half as much as a copy, and a quarter of its memory.
func (b *Buffer) merge(batch *item, items []*item) {
	if len(items) > 1 {
		batch.md = items[0].md
		if batch.md.IsReadOnly() {
			batch.md = own(batch.md)
		}
		for _, it := range items[1:] {
			appendTo(batch.md, it.md)
			it.md = batch.md // what was copied is garbage now
		}
		items[0].md = batch.md
	}
	switch {
	case b.opts.Shared:
		batch.md.MarkReadOnly()
	case !batch.md.IsReadOnly():
		batch.body, _ = sizer.MarshalMetrics(batch.md) // it cannot fail
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	batch.merging = false
}
