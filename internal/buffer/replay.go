package buffer

import (
	"context"
	"errors"
	"time"

	"github.com/sluice-metrics/sluice/internal/spill"
)

// replay makes a batch of records before the number end. It returns nil if there is none to be read now.
func (b *Buffer) replay(l *lane, end uint64) *item {
	room := HeapBytes(b.opts.BatchBytes, b.opts.BatchItems)
	if !b.reserve(room) {
		return nil
	}
	batch := &item{id: l.id, lane: l, place: flying, since: time.Now(), reserved: room}
	for b.readInto(batch, end) {
	}
	if batch.records == nil {
		b.unreserve(room)
		return nil
	}
	if b.opts.Shared {
		batch.md.MarkReadOnly()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	batch.heap = HeapBytes(batch.wire, batch.points)
	l.flying = batch
	return batch
}

// reserve waits until there is memory for a batch from disk. One is always let in, or a full memory would wait for ever for
// what is before it on disk.
func (b *Buffer) reserve(heap int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.reading > 0 && b.memory+b.reading+heap > b.opts.MaxBytes {
		freed := b.freed.wait()
		b.mu.Unlock()
		select {
		case <-freed:
		case <-b.base.Done():
		}
		b.mu.Lock()
		if b.gaveUp() {
			return false
		}
	}
	b.reading += heap
	return true
}

func (b *Buffer) unreserve(heap int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading -= heap
	b.freed.tell()
}

// readInto adds the next record to the batch, and reports whether another one may follow.
func (b *Buffer) readInto(batch *item, end uint64) (more bool) {
	l := batch.lane
	if seq, ok := b.log.Next(l.id, l.consumed); !ok || seq >= end {
		return false
	}
	r, err := b.log.Read(b.base, l.id, l.consumed, nil)
	if err != nil {
		b.unread(l, err)
		return false
	}
	o, err := open(r.Data)
	if err == nil && batch.records != nil && !b.fits(batch, &o, r.Points) {
		return false
	}
	if err == nil {
		err = batch.admit(&o)
	}
	b.mu.Lock()
	l.consumed = r.Seq
	b.mu.Unlock()
	if err != nil {
		b.discard(l, r, err)
		return true
	}
	batch.records = append(batch.records, r.Seq)
	return true
}

func (b *Buffer) fits(batch *item, o *opened, points uint64) bool {
	return batch.metadata.equal(o.metadata) &&
		!over(batch.points+int(points), b.opts.BatchItems) && !over(batch.wire+int64(len(o.body)), b.opts.BatchBytes)
}

// admit decodes metrics into the batch.
func (batch *item) admit(o *opened) error {
	md, err := o.decode()
	if err != nil {
		return err
	}
	batch.points += md.DataPointCount()
	batch.wire += int64(len(o.body))
	if batch.records == nil {
		batch.md, batch.metadata = keep(md), o.metadata
		return nil
	}
	appendTo(batch.md, md)
	return nil
}

// discard sets a record aside that is no metrics.
func (b *Buffer) discard(l *lane, r spill.Record, err error) {
	if e := b.log.SetAside(context.WithoutCancel(b.base), l.id, r.Seq); e != nil {
		b.erase(l.id, r.Seq)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.dropped[Unreadable] += int64(r.Points)
	b.opts.OnDrop(Drop{Unreadable, int(r.Points), err})
}

// unread leaves the lane alone for a little while if the disk does not let a record be read.
func (b *Buffer) unread(l *lane, err error) {
	if errors.Is(err, spill.ErrNotFound) || b.gaveUp() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.know(err)
	l.notBefore = time.Now().Add(storagePause)
}
