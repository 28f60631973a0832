package buffer

import (
	"errors"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/spill"
)

// unload lets go of what a batch from disk takes of memory, which others may need while it is refused.
func (b *Buffer) unload(it *item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if it.records != nil {
		it.md = pmetric.Metrics{}
		b.reading -= it.reserved
		it.reserved = 0
		b.freed.tell()
	}
}

// reload gets a batch a slot, and what unload has let go. It returns false if the buffer is closed or nothing is left of it.
func (b *Buffer) reload(it *item) bool {
	if it.records == nil {
		return b.slots.enter(b.base) == nil
	}
	room := b.replayRoom()
	for b.reserve(room) {
		if b.slots.enter(b.base) != nil {
			b.unreserve(room)
			return false
		}
		err := b.readAgain(it)
		if err == nil && it.records != nil {
			b.ready(it, room)
			return true
		}
		b.unreserve(room)
		b.slots.yield()
		if err == nil {
			return false
		}
		it.lane.sleep(b.base, storagePause)
	}
	return false
}

// readAgain reads the records of a batch that are still there. If all turn out to be damaged, which the log counts, the batch
// is settled.
func (b *Buffer) readAgain(it *item) error {
	fresh := &item{lane: it.lane, scratch: b.scratch()}
	defer b.discardScratch(fresh)
	for _, seq := range it.records {
		if err := b.readOne(fresh, seq); err != nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.know(err)
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	it.md, it.points, it.wire, it.records = fresh.md, fresh.points, fresh.wire, fresh.records
	if it.records == nil {
		b.settle(it)
	}
	return nil
}

// readOne adds a record to the batch, unless it turns out to be damaged.
func (b *Buffer) readOne(batch *item, seq uint64) error {
	r, err := b.read(batch, seq-1)
	if errors.Is(err, spill.ErrNotFound) || err == nil && r.Seq != seq {
		return nil
	}
	if err != nil {
		return err
	}
	o, err := open(r.Data)
	if err == nil {
		err = batch.admit(&o, r.Points)
	}
	if err != nil {
		b.discard(batch.lane, r, err)
		return nil
	}
	batch.records = append(batch.records, seq)
	return nil
}
