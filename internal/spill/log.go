package spill

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Log is safe for concurrent use. It has one goroutine, and only while somebody waits for an fsync.
type Log struct {
	opts  Options
	lock  *os.File
	zip   *zstd.Encoder
	unzip *zstd.Decoder
	// fsync is (*os.File).Sync save in tests.
	fsync func(*os.File) error
	bufs  sync.Pool // of *[]byte: records as stored

	// io holds one token: who has it writes. A disk that hangs keeps it, so waiting for it has a deadline.
	io     chan struct{}
	next   uint64   // number of the next segment
	active *segment // takes appends; nil before the first one
	aside  *segment // takes what is set aside
	shut   bool     // no file is to be touched any more

	// mu guards the rest. No file is touched under it.
	mu       sync.Mutex
	closed   bool
	lanes    map[uint64]*lane // those that hold records
	segments map[*segment]struct{}
	owing    map[*segment]struct{} // have unmarked records, or none that wait
	reserved int64                 // sum of the segments' room
	stats    Stats
	batch    *commit
	syncing  chan struct{} // closed when the goroutine ends; nil without one
}

// Open recovers what is in the directory, and fails with ErrLocked, ErrVersion or ErrUnavailable.
func Open(opts Options) (*Log, error) {
	l, err := newLog(opts.withDefaults())
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(l.asideDir(), 0o700); err != nil {
		return nil, storageError(err)
	}
	if l.lock, err = lockDirectory(l.opts.Directory); err != nil {
		return nil, err
	}
	if err := l.recover(); err != nil {
		return nil, errors.Join(err, l.lock.Close())
	}
	return l, nil
}

func newLog(opts Options) (*Log, error) {
	// The window bounds the memory of an encoder; batches of points repeat themselves within less.
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20),
		zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true), zstd.WithEncoderConcurrency(min(runtime.GOMAXPROCS(0), 8)))
	if err != nil {
		return nil, err
	}
	unzip, err := zstd.NewReader(nil, zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxMemory(maxRecordBytes), zstd.WithDecoderConcurrency(0))
	if err != nil {
		return nil, err
	}
	l := &Log{
		opts: opts, zip: zip, unzip: unzip, fsync: (*os.File).Sync, io: make(chan struct{}, 1), next: 1,
		lanes: map[uint64]*lane{}, segments: map[*segment]struct{}{}, owing: map[*segment]struct{}{}, batch: newCommit(),
	}
	l.bufs.New = func() any { return new([]byte) }
	return l, nil
}

// acquire gets the right to write, until release.
func (l *Log) acquire(ctx context.Context) error {
	select {
	case l.io <- struct{}{}:
	default:
		select {
		case l.io <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if l.shut {
		l.release()
		return ErrClosed
	}
	return nil
}

func (l *Log) release() { <-l.io }

// Close writes what it owes to the disk and gives the directory free. It may be called more than once. If ctx ends first, the
// disk hangs: the directory stays locked.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	if err := l.acquire(ctx); err != nil {
		if errors.Is(err, ErrClosed) {
			return nil
		}
		return err
	}
	defer l.release()
	l.shut = true
	err := errors.Join(l.seal(), l.settle())
	if l.aside != nil {
		err = errors.Join(err, l.aside.close(l.whenFsync()))
	}
	if e := l.syncEnd(ctx); e != nil {
		return errors.Join(err, e)
	}
	return errors.Join(err, l.lock.Close())
}

// whenFsync is nil where nothing is to be synced.
func (l *Log) whenFsync() func(*os.File) error {
	if l.opts.Fsync {
		return l.fsync
	}
	return nil
}

// buffer returns one with room for n bytes; free takes it back.
func (l *Log) buffer() *[]byte { return l.bufs.Get().(*[]byte) }

func (l *Log) free(b *[]byte) {
	if cap(*b) <= 4<<20 { // a few large records do not stay in memory
		l.bufs.Put(b)
	}
}
