package spill

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// Record is what a log keeps.
type Record struct {
	// Lane is the stream that a record belongs to. It has to mean the same after a restart.
	Lane uint64
	// Seq is the record's place in its lane, from 1 on. It has to be free: of the records that wait, none has it.
	Seq uint64
	// Points is how many the record holds; it is counted and nothing else.
	Points uint64
	Data   []byte
}

// Append writes a record, which then survives the end of the process; Receipt.Wait waits for more. It fails with ErrFull,
// ErrUnavailable, ErrTooLarge, ErrSequence or ErrClosed, or when ctx ends; then the record is not in the log. The data is not
// kept.
func (l *Log) Append(ctx context.Context, r Record) (Receipt, error) {
	if len(r.Data) > l.opts.MaxRecordBytes {
		return Receipt{}, fmt.Errorf("%w: %d bytes, of %d at most", ErrTooLarge, len(r.Data), l.opts.MaxRecordBytes)
	}
	buf := l.buffer()
	defer l.free(buf)
	h := l.encode(buf, r)
	if err := l.acquire(ctx); err != nil {
		return Receipt{}, err
	}
	defer l.release()
	if err := l.admit(r, int64(len(*buf))); err != nil {
		return Receipt{}, err
	}
	s, off, err := l.put(*buf, h)
	if errors.Is(err, ErrFull) && l.renew() {
		_ = l.settle()
		s, off, err = l.put(*buf, h)
	}
	if err != nil {
		return Receipt{}, err
	}
	return l.enter(r, s, off, len(*buf)), nil
}

// encode puts a record into buf as it is stored, save its header.
func (l *Log) encode(buf *[]byte, r Record) header {
	b := slices.Grow((*buf)[:0], recordHeaderBytes)[:recordHeaderBytes]
	b = l.zip.EncodeAll(r.Data, b)
	h := header{flags: flagZstd, raw: uint32(len(r.Data)), lane: r.Lane, seq: r.Seq, points: r.Points}
	if len(b)-recordHeaderBytes >= len(r.Data) {
		b, h.flags = append(b[:recordHeaderBytes], r.Data...), 0
	}
	h.stored, h.sum = uint32(len(b)-recordHeaderBytes), checksum(b[recordHeaderBytes:])
	*buf = b
	return h
}

// admit refuses what may not or can not be written.
func (l *Log) admit(r Record, n int64) error {
	if most := l.budget() - l.movingRoom() - 2*fileHeaderBytes - markBytes; n > most {
		return fmt.Errorf("%w: %d bytes, of %d at most on disk", ErrTooLarge, n, most)
	}
	l.mu.Lock()
	taken := r.Seq == 0
	if q := l.lanes[r.Lane]; q != nil && !taken {
		_, taken = q.find(r.Seq)
	}
	full := l.stats.Pending.Records >= uint64(l.opts.MaxRecords)
	l.mu.Unlock()
	switch {
	case taken:
		return fmt.Errorf("%w: %d of lane %d", ErrSequence, r.Seq, r.Lane)
	case full:
		return fmt.Errorf("%w: %d records wait", ErrFull, l.opts.MaxRecords)
	}
	l.makeRoom(n)
	if over := l.over(n); over > 0 {
		return fmt.Errorf("%w: %d bytes beyond the bound of %d on disk", ErrFull, over, l.opts.MaxDiskBytes)
	}
	return nil
}

// budget is what segments and their marks may take.
func (l *Log) budget() int64 { return l.opts.MaxDiskBytes - l.opts.MaxAsideBytes }

// used is what they take, and will take when all their records are marked.
func (l *Log) used() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats.DiskBytes - l.stats.AsideBytes + l.reserved
}

// cost is what a record of n bytes adds to used.
func (l *Log) cost(n int64) int64 {
	if l.fits(l.active, n) {
		return n + markBytes
	}
	return n + markBytes + 2*fileHeaderBytes
}

// fits reports whether a record may be written to the segment, which may be nil. One that is larger than SegmentBytes has a
// segment of its own.
func (l *Log) fits(s *segment, n int64) bool {
	return s != nil && !s.broken.Load() && (s.size+n <= l.opts.SegmentBytes || s.size == fileHeaderBytes)
}

// put writes a record to the active segment.
func (l *Log) put(b []byte, h header) (*segment, int64, error) {
	if !l.fits(l.active, int64(len(b))) {
		if err := l.begin(); err != nil {
			return nil, 0, err
		}
	}
	s, before := l.active, l.active.size
	off, err := s.write(b, h)
	l.mu.Lock()
	l.stats.DiskBytes += s.size - before
	l.mu.Unlock()
	return s, off, err
}

// begin begins a segment. Why the one before could not be sealed is told to those who wait for it.
func (l *Log) begin() error {
	_ = l.seal()
	s, err := create(l.opts.Directory, l.next, l.opts.Fsync)
	if err != nil {
		return err
	}
	l.next++
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = s
	l.segments[s] = struct{}{}
	l.stats.DiskBytes += s.size
	l.grow(s, fileHeaderBytes)
	return nil
}

// grow changes what is reserved for a segment's marks. l.mu is held.
func (l *Log) grow(s *segment, n int64) {
	s.room += n
	l.reserved += n
}

// seal ends the active segment, which has to go if nothing in it waits. Until it is synced it stays the active one, to which
// commits turn.
func (l *Log) seal() error {
	s := l.active
	if s == nil {
		return nil
	}
	err := s.close(l.whenFsync())
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = nil
	if s.live == 0 {
		l.owing[s] = struct{}{}
	}
	l.batch.end(err)
	l.batch = newCommit()
	return err
}

// enter makes a record that was written readable.
func (l *Log) enter(r Record, s *segment, off int64, n int) Receipt {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.index(r.Lane, entry{seq: r.Seq, segment: s, points: r.Points, off: off, bytes: uint32(n)})
	l.stats.Appended.add(1, r.Points, int64(n))
	l.stats.AppendedData += int64(len(r.Data))
	if !l.opts.Fsync {
		return Receipt{}
	}
	return Receipt{l, l.batch}
}

// index adds a record to those that wait, unless its number is taken. l.mu is held.
func (l *Log) index(id uint64, e entry) bool {
	q := l.lanes[id]
	if q == nil {
		q = &lane{}
		l.lanes[id] = q
	}
	if !q.add(e) {
		return false
	}
	e.segment.live++
	e.segment.bytes += int64(e.bytes)
	l.grow(e.segment, markBytes)
	l.stats.Pending.add(1, e.points, int64(e.bytes))
	return true
}

func (l *Log) asideDir() string { return filepath.Join(l.opts.Directory, asideName) }
