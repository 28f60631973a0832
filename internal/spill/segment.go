package spill

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	lockName  = "lock"
	asideName = "aside"
	segExt    = ".seg"
	doneExt   = ".done"
	badExt    = ".damaged"

	maxNumber = 1 << 62
)

// segment is one file of records and the file of its marks.
type segment struct {
	dir    string
	number uint64
	format *format
	size   int64 // guarded by Log.io, as marked
	marked int64 // size of the file of marks, 0 if there is none

	// live, unmarked and room are guarded by Log.mu. live is how many records wait; unmarked are offsets of records that are
	// done, of which the file of marks does not tell yet; room is what the file of marks may still grow by.
	live     int
	bytes    int64 // of records that wait
	unmarked []int64
	room     int64

	// file is open while records are appended. It is set to nil with Log.io and sync held.
	file   *os.File
	sync   sync.Mutex
	failed error // of the first fsync that went wrong; no later one would tell
	broken atomic.Bool
}

func name(number uint64, ext string) string { return fmt.Sprintf("%016x%s", number, ext) }

// parseName returns the number that a file's name begins with, and the rest of it.
func parseName(name string) (number uint64, ext string, ok bool) {
	if len(name) < 17 {
		return 0, "", false
	}
	digits, ext := name[:16], name[16:]
	n, err := strconv.ParseUint(digits, 16, 64)
	ok = err == nil && n > 0 && n < maxNumber && digits == strings.ToLower(digits)
	if ext != segExt && ext != doneExt && !strings.HasSuffix(ext, badExt) {
		ok = false
	}
	return n, ext, ok
}

func (s *segment) path() string     { return filepath.Join(s.dir, name(s.number, segExt)) }
func (s *segment) donePath() string { return filepath.Join(s.dir, name(s.number, doneExt)) }

// create makes the file of a new segment.
func create(dir string, number uint64, fsync bool) (*segment, error) {
	s := &segment{dir: dir, number: number, format: formats[version], size: fileHeaderBytes}
	f, err := os.OpenFile(s.path(), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, storageError(err)
	}
	_, err = f.WriteAt(fileHeader(segmentMagic), 0)
	if err == nil && fsync {
		err = syncDirectory(dir)
	}
	if err != nil {
		return nil, storageError(errors.Join(err, f.Close(), os.Remove(s.path())))
	}
	s.file = f
	return s, nil
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// write appends a record, whose header it completes. What did not get to the disk whole is cut off again; should that fail,
// the segment takes no more.
func (s *segment) write(b []byte, h header) (off int64, err error) {
	off = s.size
	putHeader(b, h, s.number, off)
	n, err := s.file.WriteAt(b, off)
	if err == nil {
		s.size += int64(len(b))
		return off, nil
	}
	if cut := s.file.Truncate(off); cut != nil {
		s.broken.Store(true)
		s.size += int64(n)
	}
	return 0, storageError(err)
}

// flush makes what was written before the call survive a loss of power.
func (s *segment) flush(fsync func(*os.File) error) error {
	s.sync.Lock()
	defer s.sync.Unlock()
	return s.flushLocked(fsync)
}

func (s *segment) flushLocked(fsync func(*os.File) error) error {
	if s.file == nil || s.failed != nil {
		return s.failed
	}
	if err := fsync(s.file); err != nil {
		s.failed = storageError(err)
		s.broken.Store(true)
	}
	return s.failed
}

// close ends the appending.
func (s *segment) close(fsync func(*os.File) error) error {
	s.sync.Lock()
	defer s.sync.Unlock()
	if s.file == nil {
		return s.failed
	}
	var err error
	if fsync != nil {
		err = s.flushLocked(fsync)
	}
	err = errors.Join(err, s.file.Close())
	s.file = nil
	return storageError(err)
}

// remove deletes the segment before its marks: marks alone do no harm, records without theirs would come back, as they would
// with a directory that is away.
func (s *segment) remove() error {
	if _, err := os.Stat(filepath.Join(s.dir, lockName)); err != nil {
		return storageError(err)
	}
	for _, path := range []string{s.path(), s.donePath()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return storageError(err)
		}
	}
	return nil
}

// mark writes that records are done.
func (s *segment) mark(offsets []int64) (written int64, err error) {
	var b []byte
	if s.marked == 0 {
		b = fileHeader(doneMagic)
	}
	for _, off := range offsets {
		b = appendMark(b, s.number, off)
	}
	f, err := os.OpenFile(s.donePath(), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return 0, storageError(err)
	}
	if _, err = f.WriteAt(b, s.marked); err != nil {
		return 0, storageError(errors.Join(err, f.Truncate(s.marked), f.Close()))
	}
	s.marked += int64(len(b))
	return int64(len(b)), storageError(f.Close())
}
