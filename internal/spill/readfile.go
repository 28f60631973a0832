package spill

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ReadFile calls each for every record of a segment, done or not, which need not belong to a Log: for what is set aside, and
// for tools. The file keeps its name, which is part of the checksums. The record's data is valid during the call. What cannot
// be read is skipped; how many bytes that was is returned.
func ReadFile(path string, each func(Record) error) (unreadable int64, err error) {
	number, ext, ok := parseName(filepath.Base(path))
	if !ok || ext != segExt {
		return 0, fmt.Errorf("spill: %s is no segment by its name", path)
	}
	l, err := newLog(Options{Directory: filepath.Dir(path)}.withDefaults())
	if err != nil {
		return 0, err
	}
	s := &segment{dir: filepath.Dir(path), number: number, format: formats[version], size: fileSize(path)}
	v, err := versionOf(path, segmentMagic)
	if err != nil {
		return 0, err
	}
	if v != 0 {
		if s.format = formats[v]; s.format == nil {
			return 0, versionError(path, v)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, storageError(err)
	}
	var entries []entry
	err = scan(f, s.size, number, s.format, v != 0, found{
		gap:    func(g gap) { unreadable += g.to - g.from },
		record: func(off int64, h header) { entries = append(entries, s.entry(off, h)) },
	})
	if err = errors.Join(err, f.Close()); err != nil {
		return unreadable, storageError(err)
	}
	var buf, data []byte
	for _, e := range entries {
		r, err := l.load(e, &buf, data)
		if errors.Is(err, errDamaged) {
			unreadable += int64(e.bytes)
			continue
		}
		if err != nil {
			return unreadable, storageError(err)
		}
		data = r.Data
		if err := each(r); err != nil {
			return unreadable, err
		}
	}
	return unreadable, nil
}
