package spill

import (
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// listing is the files of one directory that are a log's by their names.
type listing struct {
	segments, dones []uint64
	asideBytes      int64
	foreign         int
	last            uint64 // the highest number in use
}

func list(dir string) (listing, error) {
	var all listing
	files, err := os.ReadDir(dir)
	if err != nil {
		return all, storageError(err)
	}
	for _, f := range files {
		number, ext, ours := parseName(f.Name())
		if ours {
			all.last = max(all.last, number)
		}
		switch {
		case f.Name() == lockName || f.Name() == asideName && f.IsDir():
		case !ours || !f.Type().IsRegular():
			all.foreign++
		case ext == segExt:
			all.segments = append(all.segments, number)
		case ext == doneExt:
			all.dones = append(all.dones, number)
		default:
			all.foreign++
		}
	}
	return all, nil
}

// listAside is list for what is set aside, all of which is only counted.
func listAside(dir string) (listing, error) {
	var all listing
	files, err := os.ReadDir(dir)
	if err != nil {
		return all, storageError(err)
	}
	for _, f := range files {
		number, _, ours := parseName(f.Name())
		if !ours || !f.Type().IsRegular() {
			all.foreign++
			continue
		}
		all.last = max(all.last, number)
		all.asideBytes += fileSize(filepath.Join(dir, f.Name()))
	}
	return all, nil
}

// recover finds what waits. Until the versions of all files are known, none is touched.
func (l *Log) recover() error {
	main, err := list(l.opts.Directory)
	if err != nil {
		return err
	}
	aside, err := listAside(l.asideDir())
	if err != nil {
		return err
	}
	if err := l.checkVersions(main); err != nil {
		return err
	}
	l.next = max(main.last, aside.last) + 1
	l.stats.Foreign = main.foreign + aside.foreign
	l.countAside(aside.asideBytes)
	for _, number := range main.segments {
		if err := l.recoverSegment(number); err != nil {
			return err
		}
	}
	l.removeOrphans(main)
	l.sortLanes()
	l.stats.Recovered = l.stats.Pending
	_ = l.settle() // tried again with whatever is owed next
	return nil
}

func (l *Log) checkVersions(files listing) error {
	var errs []error
	check := func(number uint64, ext string, magic []byte) {
		path := filepath.Join(l.opts.Directory, name(number, ext))
		v, err := versionOf(path, magic)
		if err == nil && v != 0 && formats[v] == nil {
			err = versionError(path, v)
		}
		errs = append(errs, err)
	}
	for _, n := range files.segments {
		check(n, segExt, segmentMagic)
	}
	for _, n := range files.dones {
		check(n, doneExt, doneMagic)
	}
	return errors.Join(errs...)
}

// versionOf returns 0 for a file whose header is damaged or missing.
func versionOf(path string, magic []byte) (uint32, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, storageError(err)
	}
	var b [fileHeaderBytes]byte
	n, err := f.ReadAt(b[:], 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return fileVersion(b[:n], magic), storageError(errors.Join(err, f.Close()))
}

// removeOrphans deletes marks of segments that are gone.
func (l *Log) removeOrphans(files listing) {
	for _, n := range files.dones {
		if _, found := slices.BinarySearch(files.segments, n); found {
			continue
		}
		path := filepath.Join(l.opts.Directory, name(n, doneExt))
		if v, err := versionOf(path, doneMagic); err != nil || v == 0 || os.Remove(path) != nil {
			l.stats.Foreign++
		}
	}
}

// recovery is one segment's.
type recovery struct {
	log     *Log
	segment *segment
	file    *os.File
	marks   map[int64]struct{}
	records int
	gaps    []gap
}

func (l *Log) recoverSegment(number uint64) error {
	s := &segment{dir: l.opts.Directory, number: number}
	f, err := os.Open(s.path())
	if err != nil {
		return storageError(err)
	}
	r := &recovery{log: l, segment: s, file: f}
	err = r.run()
	if e := f.Close(); err == nil {
		err = storageError(e)
	}
	return err
}

func (r *recovery) run() error {
	s := r.segment
	info, err := r.file.Stat()
	if err != nil {
		return storageError(err)
	}
	s.size = info.Size()
	v, err := versionOf(s.path(), segmentMagic)
	if err != nil {
		return err
	}
	s.format = formats[cmp.Or(v, version)]
	if r.marks, err = s.readMarks(); err != nil {
		return err
	}
	err = scan(r.file, s.size, s.number, s.format, v != 0, found{record: r.record, gap: r.gap})
	if err != nil {
		return storageError(err)
	}
	return r.finish()
}

// record puts one that is not done into its lane, unsorted.
func (r *recovery) record(off int64, h header) {
	r.records++
	if _, done := r.marks[off]; done {
		return
	}
	l := r.log
	q := l.lanes[h.lane]
	if q == nil {
		q = &lane{}
		l.lanes[h.lane] = q
	}
	q.entries = append(q.entries, r.segment.entry(off, h))
}

// gap notes a range once, however often the segment is opened: it is marked as records are.
func (r *recovery) gap(g gap) {
	if _, done := r.marks[g.from]; done {
		g.records, g.points = 0, 0 // what is cut was done
	}
	if _, known := r.marks[g.mark()]; !known {
		r.gaps = append(r.gaps, g)
	}
}

func (r *recovery) finish() error {
	l, s := r.log, r.segment
	if r.records == 0 && len(r.gaps) == 1 && r.gaps[0].from == 0 {
		return r.quarantine()
	}
	l.segments[s] = struct{}{}
	l.owing[s] = struct{}{} // for its gaps, or because nothing in it waits
	l.stats.DiskBytes += s.size + s.marked
	if s.marked == 0 {
		l.grow(s, fileHeaderBytes)
	}
	for _, g := range r.gaps {
		r.keep(g)
	}
	return nil
}

// quarantine sets aside a file in which nothing is a record.
func (r *recovery) quarantine() error {
	s := r.segment
	to := filepath.Join(r.log.asideDir(), filepath.Base(s.path())+badExt)
	if err := os.Rename(s.path(), to); err != nil {
		return storageError(err)
	}
	r.count(gap{from: 0, to: s.size, tail: s.size < fileHeaderBytes})
	r.log.countAside(s.size)
	if s.marked > 0 {
		return storageError(os.Remove(s.donePath()))
	}
	return nil
}

func (r *recovery) count(g gap) {
	as := &r.log.stats.Unreadable
	if g.tail {
		as = &r.log.stats.Torn
	}
	as.add(g.records, g.points, g.to-g.from)
}

func (r *recovery) keep(g gap) {
	r.count(g)
	l, s := r.log, r.segment
	a := Amount{g.records, g.points, g.to - g.from}
	if err := l.keepBytes(s.number, g.from, io.NewSectionReader(r.file, g.from, a.Bytes), a); err != nil {
		l.discard(a) // the disk is full, and what can be read matters more
	}
	s.unmarked = append(s.unmarked, g.mark())
	l.grow(s, markBytes)
}

// readMarks skips what is no mark: then a record is read again.
func (s *segment) readMarks() (map[int64]struct{}, error) {
	f, err := os.Open(s.donePath())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, storageError(err)
	}
	marks := map[int64]struct{}{}
	w, off := newWindow(f), int64(fileHeaderBytes)
	for {
		var b []byte
		if b, err = w.at(off, markBytes); err != nil || len(b) < markBytes {
			break
		}
		if done, ok := parseMark(b, s.number); ok {
			marks[done] = struct{}{}
		}
		off += markBytes
		s.marked = off
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, storageError(err)
	}
	s.cutMarks()
	return marks, nil
}

// cutMarks cuts off half a mark. If it cannot, the next mark overwrites it.
func (s *segment) cutMarks() {
	switch size := fileSize(s.donePath()); {
	case s.marked == 0:
		_ = os.Remove(s.donePath())
	case size > s.marked:
		_ = os.Truncate(s.donePath(), s.marked)
	}
}

// sortLanes puts records in order. Of two with the same number, which a crash between moving and deleting leaves, the newer
// one counts.
func (l *Log) sortLanes() {
	for id, q := range l.lanes {
		all := q.entries
		slices.SortStableFunc(all, func(a, b entry) int {
			return cmp.Or(cmp.Compare(a.seq, b.seq), cmp.Compare(b.segment.number, a.segment.number))
		})
		q.entries = make([]entry, 0, len(all))
		for _, e := range all {
			if !l.index(id, e) {
				e.segment.unmarked = append(e.segment.unmarked, e.off)
				l.grow(e.segment, markBytes)
			}
		}
	}
}
