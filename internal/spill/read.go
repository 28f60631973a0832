package spill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// errDamaged says that a record's bytes are not those that were written.
var errDamaged = errors.New("spill: damaged record")

// Read returns the first record of a lane beyond the sequence number after (0: the lane's first one). It may be read any
// number of times, and stays until Done or SetAside. Its data is in dst if that is large enough. A record whose bytes are
// damaged is kept aside and counted, and the next one is read. Read fails with ErrNotFound if there is none,
// ErrUnavailable or ErrClosed.
func (l *Log) Read(ctx context.Context, lane, after uint64, dst []byte) (Record, error) {
	buf := l.buffer()
	defer l.free(buf)
	for {
		if err := ctx.Err(); err != nil {
			return Record{}, err
		}
		e, err := l.locate(lane, after)
		if err != nil {
			return Record{}, err
		}
		r, err := l.load(e, buf, dst)
		if err == nil {
			return r, nil
		}
		if !errors.Is(err, errDamaged) {
			return Record{}, storageError(err)
		}
		if _, err := l.dropDamaged(ctx, lane, e, *buf); err != nil {
			return Record{}, err
		}
	}
}

func (l *Log) locate(id, after uint64) (entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return entry{}, ErrClosed
	}
	if q := l.lanes[id]; q != nil {
		if e, ok := q.after(after); ok {
			return e, nil
		}
	}
	return entry{}, ErrNotFound
}

func (l *Log) load(e entry, buf *[]byte, dst []byte) (Record, error) {
	h, err := l.fetch(e, buf)
	if err != nil {
		return Record{}, err
	}
	data, err := l.decode(h, (*buf)[e.segment.format.headerBytes:], dst)
	return Record{Lane: h.lane, Seq: h.seq, Points: h.points, Data: data}, err
}

// fetch reads a record as it is stored, and checks it.
func (l *Log) fetch(e entry, buf *[]byte) (header, error) {
	err := e.segment.read(e, buf)
	if errors.Is(err, fs.ErrNotExist) {
		err = l.missing(err)
	}
	if err != nil {
		return header{}, err
	}
	f := e.segment.format
	h, ok := f.parse(*buf, e.segment.number, e.off)
	if !ok || checksum((*buf)[f.headerBytes:]) != h.sum {
		return header{}, errDamaged
	}
	return h, nil
}

// read fills buf with a record as far as it is there.
func (s *segment) read(e entry, buf *[]byte) error {
	*buf = slices.Grow((*buf)[:0], int(e.bytes))[:e.bytes]
	f, err := os.Open(s.path())
	if err != nil {
		*buf = (*buf)[:0]
		return err
	}
	n, err := f.ReadAt(*buf, e.off)
	*buf = (*buf)[:n]
	if errors.Is(err, io.EOF) {
		err = errDamaged
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// missing tells a segment that somebody has deleted from a directory that is gone.
func (l *Log) missing(err error) error {
	if _, e := os.Stat(filepath.Join(l.opts.Directory, lockName)); e != nil {
		return err
	}
	return fmt.Errorf("%w: %w", errDamaged, err)
}

func (l *Log) decode(h header, stored, dst []byte) ([]byte, error) {
	dst = slices.Grow(dst[:0], int(h.raw))
	if h.flags&flagZstd == 0 {
		return append(dst, stored...), nil
	}
	data, err := l.unzip.DecodeAll(stored, dst[:0:h.raw])
	if err != nil || len(data) != int(h.raw) {
		return nil, errDamaged
	}
	return data, nil
}
