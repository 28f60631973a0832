package spill

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ReadFile calls each for every record of a segment, done or not, which need not belong to a Log: for what is set aside, and
// for tools. The file keeps its name, which is part of the checksums. The record's data is valid during the call. What cannot
// be read is skipped; how many bytes that was is returned.
func ReadFile(path string, each func(Record) error) (unreadable int64, err error) {
	s, headerOK, err := segmentAt(path)
	if err != nil {
		return 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, storageError(err)
	}
	var entries []entry
	err = scan(f, s.size, s.number, s.format, headerOK, found{
		gap:    func(g gap) { unreadable += g.to - g.from },
		record: func(off int64, h header) { entries = append(entries, s.entry(off, h)) },
	})
	if err = errors.Join(err, f.Close()); err != nil {
		return unreadable, storageError(err)
	}
	damaged, err := loadAll(entries, each)
	return unreadable + damaged, err
}

// segmentAt describes a file that need not belong to a Log.
func segmentAt(path string) (s *segment, headerOK bool, err error) {
	number, ext, ok := parseName(filepath.Base(path))
	if !ok || ext != segExt {
		return nil, false, fmt.Errorf("spill: %s is no segment by its name", path)
	}
	v, err := versionOf(path, segmentMagic)
	if err != nil {
		return nil, false, err
	}
	s = &segment{dir: filepath.Dir(path), number: number, format: formats[cmp.Or(v, version)], size: fileSize(path)}
	if s.format == nil {
		return nil, false, versionError(path, v)
	}
	return s, v != 0, nil
}

func loadAll(entries []entry, each func(Record) error) (damaged int64, err error) {
	l, err := newLog(Options{}.withDefaults())
	if err != nil {
		return 0, err
	}
	var buf, data []byte
	for _, e := range entries {
		r, err := l.load(e, &buf, data)
		if errors.Is(err, errDamaged) {
			damaged += int64(e.bytes)
			continue
		}
		if err != nil {
			return damaged, storageError(err)
		}
		data = r.Data
		if err := each(r); err != nil {
			return damaged, err
		}
	}
	return damaged, nil
}
