package spill

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// SetAside takes a record out of its lane that nobody can deliver, and keeps it in a file of its own kind: aside/*.seg, which
// ReadFile reads. If MaxAsideBytes is reached it is counted as discarded instead. After an error it still waits, so that
// the caller may try again, or give it up by Done.
func (l *Log) SetAside(ctx context.Context, lane, seq uint64) error {
	for {
		e, err := l.locateExact(lane, seq)
		if err != nil {
			return err
		}
		if gone, err := l.setAside(ctx, lane, e); gone || err != nil {
			return err
		}
	}
}

func (l *Log) locateExact(lane, seq uint64) (entry, error) {
	if seq == 0 {
		return entry{}, ErrNotFound
	}
	e, err := l.locate(lane, seq-1)
	if err == nil && e.seq != seq {
		err = ErrNotFound
	}
	return e, err
}

// setAside reports false if the record was moved or ended meanwhile.
func (l *Log) setAside(ctx context.Context, lane uint64, e entry) (gone bool, err error) {
	buf := l.buffer()
	defer l.free(buf)
	h, err := l.fetch(e, buf)
	if errors.Is(err, errDamaged) {
		return l.dropDamaged(ctx, lane, e, *buf)
	}
	if err != nil {
		return false, storageError(err)
	}
	if err := l.acquire(ctx); err != nil {
		return false, err
	}
	defer l.release()
	if !l.isWaiting(lane, e) {
		return false, nil
	}
	if err := l.keep(*buf, h); err != nil {
		return false, err
	}
	if err := l.take(lane, e.seq, &l.stats.SetAside); err != nil {
		return false, err
	}
	return true, l.settle()
}

func (l *Log) isWaiting(id uint64, e entry) bool {
	got, err := l.locate(id, e.seq-1)
	return err == nil && got == e
}

// keep writes a record to the segment of those that are set aside.
func (l *Log) keep(b []byte, h header) error {
	if !l.hasRoomAside(fileHeaderBytes, Amount{1, h.points, int64(len(b))}) {
		return nil
	}
	if !l.fits(l.aside, int64(len(b))) {
		if err := l.beginAside(); err != nil {
			return err
		}
	}
	s, before := l.aside, l.aside.size
	_, err := s.write(b, h)
	l.countAside(s.size - before)
	if err == nil && l.opts.Fsync {
		err = s.flush(l.fsync)
	}
	return err
}

func (l *Log) countAside(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.AsideBytes += n
	l.stats.DiskBytes += n
}

func (l *Log) beginAside() error {
	if l.aside != nil {
		_ = l.aside.close(l.whenFsync()) // each record was synced
	}
	s, err := create(l.asideDir(), l.next, l.opts.Fsync)
	if err != nil {
		return err
	}
	l.next++
	l.aside = s
	l.countAside(s.size)
	return nil
}

// dropDamaged takes a record out whose bytes, as far as they are there, are b. It reports false if the record was moved or
// ended meanwhile.
func (l *Log) dropDamaged(ctx context.Context, lane uint64, e entry, b []byte) (gone bool, err error) {
	if err := l.acquire(ctx); err != nil {
		return false, err
	}
	defer l.release()
	return l.dropDamagedHeld(lane, e, b)
}

// dropDamagedHeld is for whoever has the right to write.
func (l *Log) dropDamagedHeld(lane uint64, e entry, b []byte) (gone bool, err error) {
	if !l.isWaiting(lane, e) {
		return false, nil
	}
	what := Amount{1, e.points, int64(len(b))}
	if err := l.keepBytes(e.segment.number, e.off, bytes.NewReader(b), what); err != nil {
		return false, err
	}
	if err := l.take(lane, e.seq, &l.stats.Damaged); err != nil {
		return false, err
	}
	_ = l.settle() // what is not marked now is found to be damaged again
	return true, nil
}

// keepBytes keeps what cannot be read under the place it was at.
func (l *Log) keepBytes(number uint64, off int64, r io.Reader, what Amount) error {
	if what.Bytes == 0 || !l.hasRoomAside(0, what) {
		return nil
	}
	path := filepath.Join(l.asideDir(), damagedName(number, off))
	l.countAside(-fileSize(path))
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return storageError(err)
	}
	n, err := io.Copy(f, r)
	if err = errors.Join(err, f.Close()); err != nil {
		return storageError(errors.Join(err, os.Remove(path)))
	}
	l.countAside(n)
	return nil
}

// hasRoomAside counts as discarded what there is no room for.
func (l *Log) hasRoomAside(extra int64, what Amount) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stats.AsideBytes+what.Bytes+extra <= l.opts.MaxAsideBytes {
		return true
	}
	l.discard(what)
	return false
}

func (l *Log) discard(a Amount) { l.stats.Discarded.add(a.Records, a.Points, a.Bytes) }

func damagedName(number uint64, off int64) string {
	return fmt.Sprintf("%016x-%d%s", number, off, badExt)
}

// fileSize is 0 for what is not there.
func fileSize(path string) int64 {
	if info, err := os.Stat(path); err == nil {
		return info.Size()
	}
	return 0
}
