package buffer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sluice-metrics/sluice/internal/spill"
)

// writtenAtOnce is how many items wait for one commit, and are kept from flying by it.
const writtenAtOnce = 100

// persist writes items that are in memory, or copies of the batches they fly in.
func (b *Buffer) persist(ctx context.Context, items []*item) {
	if b.log == nil {
		return
	}
	for some := range slices.Chunk(items, writtenAtOnce) {
		var marked []*item
		for _, it := range some {
			if it = b.toWrite(it); it != nil {
				marked = append(marked, it)
			}
		}
		b.write(ctx, marked)
	}
}

// toWrite returns what has to be written for an item to be on disk, nil for nothing, and marks it.
func (b *Buffer) toWrite(it *item) *item {
	b.mu.Lock()
	defer b.mu.Unlock()
	it = it.batch()
	switch {
	case !b.storage.usable(time.Now()) && !b.gaveUp(): // at the end it is the last chance
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

// appended is an item whose record the log has.
type appended struct {
	*item
	receipt spill.Receipt
}

// write appends items to the log that are marked as writing or copying. They share commits.
func (b *Buffer) write(ctx context.Context, items []*item) {
	var waiting []appended
	for _, it := range items {
		receipt, err := b.append(ctx, it)
		if err != nil {
			b.wrote(it, err) //nolint:contextcheck // deliveries belong to the buffer, not to a call
			continue
		}
		waiting = append(waiting, appended{it, receipt})
	}
	for _, a := range waiting {
		b.wrote(a.item, b.commit(ctx, a)) //nolint:contextcheck // deliveries belong to the buffer, not to a call
	}
}

// append returns when the log has the record. If it fails, the log has not.
func (b *Buffer) append(ctx context.Context, it *item) (spill.Receipt, error) {
	data, err := encode(it)
	if err != nil {
		return spill.Receipt{}, err
	}
	return b.log.Append(ctx, spill.Record{Lane: it.lane.id, Seq: it.seq, Points: uint64(it.points), Data: data})
}

// commit returns when the record is as safe as it has to be. If it fails, the record is in the log no more.
func (b *Buffer) commit(ctx context.Context, a appended) error {
	if !b.opts.Persisted {
		return nil
	}
	err := a.receipt.Wait(ctx)
	if err != nil {
		b.erase(a.lane.id, a.seq)
	}
	return err
}

// wrote notes what came of writing an item.
func (b *Buffer) wrote(it *item, err error) {
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

// erase says that a record is not wanted any more. If the disk does not take that, the record comes back with the next
// process, delivered a second time. If it does, it is well again, unless it was full and is not empty yet.
func (b *Buffer) erase(lane, seq uint64) {
	err := b.log.Done(b.always, lane, seq)
	if errors.Is(err, spill.ErrClosed) || errors.Is(err, spill.ErrNotFound) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil || !errors.Is(b.storage.err, spill.ErrFull) || b.log.Stats().Pending.Records == 0 {
		b.know(err)
	}
}

// copiedTo ends the copying of a flying item. b.mu is held.
func (b *Buffer) copiedTo(it *item, err error) {
	it.copying = false
	if err == nil && it.place == flying {
		it.copied = true
		it.answer()
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
		it.answer()
		b.counts.spilled += int64(it.points)
	case it.held:
		l.move(it, queued)
	case b.memory+b.reading+it.heap <= b.opts.MaxBytes && !b.gaveUp():
		l.move(it, queued)
		b.hold(it)
		if !b.opts.Persisted {
			it.answer()
		}
	default:
		if it.refuse(b.full(it.heap, 0)) == 0 { // its sender has heard before that it is kept
			b.counts.kept -= int64(it.points)
		}
		b.giveBack(it)
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
