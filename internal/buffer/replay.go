package buffer

import (
	"errors"
	"time"

	"github.com/sluice-metrics/sluice/internal/spill"
)

// replay makes a batch of the lane's records that are next. It returns nil if there is none to be read now.
func (b *Buffer) replay(l *lane, room int64) *item {
	batch := &item{id: l.id, lane: l, place: flying, since: time.Now(), scratch: b.scratch()}
	for b.readInto(batch) {
	}
	b.discardScratch(batch)
	if batch.records == nil {
		return nil
	}
	b.ready(batch, room)
	return batch
}

// scratch returns room to read a record into, which is copied when it is decoded.
func (b *Buffer) scratch() *[]byte {
	if s, ok := b.scratches.Get().(*[]byte); ok {
		return s
	}
	return new([]byte)
}

// mostScratch is how large room may be that is kept.
const mostScratch = 8 << 20

func (b *Buffer) discardScratch(it *item) {
	if cap(*it.scratch) <= mostScratch {
		b.scratches.Put(it.scratch)
	}
	it.scratch = nil
}

// read reads the first record of the batch's lane beyond the number after. Its data is valid until the next call.
func (b *Buffer) read(batch *item, after uint64) (spill.Record, error) {
	r, err := b.log.Read(b.base, batch.lane.id, after, *batch.scratch)
	if err == nil {
		*batch.scratch = r.Data
	}
	return r, err
}

// ready lets a batch fly for which room was set apart.
func (b *Buffer) ready(batch *item, room int64) {
	if b.opts.Shared {
		batch.md.MarkReadOnly()
	}
	batch.heap = heapOf(batch.md, batch.wire, batch.points)
	b.mu.Lock()
	defer b.mu.Unlock()
	batch.reserved = batch.heap
	b.reading += batch.heap - room
	b.freed.tell()
	batch.lane.flying = batch
}

// replayRoom is the heap that is set apart before a batch is read from disk, whose size is not known yet.
func (b *Buffer) replayRoom() int64 { return HeapBytes(b.replayBytes(), b.opts.BatchItems) }

// unboundedReplay is what one batch reads from disk where batches have no bound of their own.
const unboundedReplay = 4 << 20

func (b *Buffer) replayBytes() int64 {
	if b.opts.BatchBytes > 0 {
		return b.opts.BatchBytes
	}
	return unboundedReplay
}

// reserve waits until there is memory for a batch from disk. One is always let in, or a full memory would wait for ever for
// what is before it on disk.
func (b *Buffer) reserve(room int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for room > 0 && b.reading > 0 && b.memory+b.reading+room > b.opts.MaxBytes {
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
	b.reading += room
	return true
}

func (b *Buffer) unreserve(room int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading -= room
	b.freed.tell()
}

// readInto adds the next record to the batch, and reports whether another one may follow.
func (b *Buffer) readInto(batch *item) (more bool) {
	l := batch.lane
	r, ok := b.readNext(batch)
	if !ok {
		return false
	}
	o, err := open(r.Data)
	if err == nil && batch.records != nil && !b.fits(batch, &o, r.Points) {
		return false
	}
	if err == nil {
		err = batch.admit(&o, r.Points)
	}
	b.mu.Lock()
	l.consumed = r.Seq
	b.mu.Unlock()
	if err != nil {
		b.discard(l, r, err)
		return true
	}
	if batch.records == nil {
		batch.seq = r.Seq
	}
	batch.records = append(batch.records, r.Seq)
	return true
}

// readNext reads the lane's next record, unless what is in memory comes first.
func (b *Buffer) readNext(batch *item) (r spill.Record, ok bool) {
	l := batch.lane
	if !b.isNext(l, 0) {
		return r, false
	}
	r, err := b.read(batch, l.consumed)
	if err != nil {
		b.unread(l, err)
		return r, false
	}
	return r, b.isNext(l, r.Seq) // or those before it are damaged
}

// isNext reports whether a record of the lane, or its next one for 0, precedes what is in memory.
func (b *Buffer) isNext(l *lane, seq uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if seq == 0 {
		seq = b.record(l)
	}
	return seq < l.first()
}

func (b *Buffer) fits(batch *item, o *opened, points uint64) bool {
	return batch.metadata.equal(o.metadata) &&
		!over(batch.points+int(points), b.opts.BatchItems) && !over(batch.wire+int64(len(o.body)), b.replayBytes())
}

var errPoints = errors.New("buffer: a record's metrics have not as many data points as it says")

// admit decodes metrics into the batch.
func (batch *item) admit(o *opened, points uint64) error {
	md, err := o.decode()
	if err != nil {
		return err
	}
	if uint64(md.DataPointCount()) != points {
		return errPoints
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
	if e := b.log.SetAside(b.always, l.id, r.Seq); e != nil {
		b.erase(l.id, r.Seq)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.dropped[Unreadable] += int64(r.Points)
	b.opts.OnDrop(Drop{Number{l.id, r.Seq}, Unreadable, int(r.Points), err})
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
