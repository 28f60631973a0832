package buffer

import (
	"context"
	"errors"
	"time"

	"github.com/sluice-metrics/sluice/internal/spill"
)

// persist writes items that are in memory, or copies of the batches they fly in.
func (b *Buffer) persist(ctx context.Context, items []*item) {
	if b.log == nil {
		return
	}
	for _, it := range items {
		if it = b.toWrite(it); it != nil {
			b.write(ctx, it)
		}
	}
}

// toWrite returns what has to be written for an item to be on disk, nil for nothing, and marks it.
func (b *Buffer) toWrite(it *item) *item {
	b.mu.Lock()
	defer b.mu.Unlock()
	it = it.batch()
	switch {
	case !b.storage.usable(time.Now()):
		return nil
	case it.place == queued:
		it.lane.move(it, writing)
		return it
	case it.place == flying && !it.merging && !it.copying && !it.copied && it.records == nil:
		it.copying = true
		return it
	default:
		return nil
	}
}

// write appends an item to the log that is marked as writing or copying.
func (b *Buffer) write(ctx context.Context, it *item) {
	err := b.append(ctx, it)
	b.mu.Lock()
	b.know(err)
	if it.copying {
		b.copiedTo(it, err)
	} else {
		b.written(it, err)
	}
	obsolete := err == nil && it.place == settled && !it.onDisk
	b.mu.Unlock()
	if obsolete {
		b.erase(it.lane.id, it.seq)
	}
}

// append returns when the record is as safe as it has to be. If it fails, the record is not in the log.
func (b *Buffer) append(ctx context.Context, it *item) error {
	data, err := encode(it.metadata, it.md)
	if err != nil {
		return err
	}
	receipt, err := b.log.Append(ctx, spill.Record{Lane: it.lane.id, Seq: it.seq, Points: uint64(it.points), Data: data})
	if err != nil || !b.opts.Persisted {
		return err
	}
	if err := receipt.Wait(ctx); err != nil {
		b.erase(it.lane.id, it.seq)
		return err
	}
	return nil
}

// erase says that a record is not wanted any more. If the disk does not take that, the record comes back with the next
// process, delivered a second time.
func (b *Buffer) erase(lane, seq uint64) {
	if err := b.log.Done(context.WithoutCancel(b.base), lane, seq); err != nil && !errors.Is(err, spill.ErrClosed) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.know(err)
	}
}

// copiedTo ends the copying of a flying item. b.mu is held.
func (b *Buffer) copiedTo(it *item, err error) {
	it.copying = false
	if err == nil && it.place == flying {
		it.copied = true
		it.answer(nil)
	}
}

// written ends the writing of an item. If it failed, the item stays in memory, or goes back to its sender. b.mu is held.
func (b *Buffer) written(it *item, err error) {
	l := it.lane
	switch {
	case it.place == settled: // the buffer was closed meanwhile, and has told the sender
		return
	case err == nil:
		l.remove(it)
		b.let(it)
		it.onDisk = true
		it.answer(nil)
		b.counts.spilled += int64(it.points)
	case it.held:
		l.move(it, queued)
	case b.memory+b.reading+it.heap <= b.opts.MaxBytes && !b.gaveUp():
		l.move(it, queued)
		b.hold(it)
		if !b.opts.Persisted {
			it.answer(nil)
		}
	default:
		b.giveBack(it, b.full(it.heap, 0))
	}
	b.serveLane(l)
}

// know notes whether the disk does as it is told. b.mu is held.
func (b *Buffer) know(err error) {
	switch {
	case err == nil:
		if b.storage.err != nil {
			b.storage.err = nil
			b.opts.OnStorage(nil)
		}
	case errors.Is(err, spill.ErrFull), errors.Is(err, spill.ErrUnavailable):
		if b.storage.err == nil {
			b.opts.OnStorage(err)
		}
		b.storage = storage{err, time.Now().Add(storagePause)}
	}
}
