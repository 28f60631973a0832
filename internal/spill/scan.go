package spill

import (
	"bytes"
	"encoding/binary"
	"io"
)

// found is what a scan tells of a segment, in the order of offsets. Together with the file's header, records and gaps cover
// the file from 0 to its size without overlap.
type found struct {
	record func(off int64, h header)
	gap    func(g gap)
}

// gap is a range that cannot be read.
type gap struct {
	from, to int64
	// tail says that nothing readable follows: what a crash in the middle of a write leaves, or a file cut short.
	tail bool
	// records is 1 where the record's header is whole and only its data is cut; then points is what it held.
	records, points uint64
}

// mark is what the file of marks calls a gap, so that it is counted once: a number that is no offset.
func (g gap) mark() int64 {
	b := binary.LittleEndian.AppendUint64(nil, uint64(g.from))
	return -1 - int64(checksum(binary.LittleEndian.AppendUint64(b, uint64(g.to))))
}

// scan reads the headers of a segment; data is checked when it is read. Each step goes forward, so that it ends.
func scan(r io.ReaderAt, size int64, number uint64, f *format, headerOK bool, tell found) error {
	w := newWindow(r)
	off := int64(fileHeaderBytes)
	if !headerOK {
		off = 0
	}
	for off < size {
		b, err := w.at(off, f.headerBytes)
		if err != nil {
			return err
		}
		h, ok := f.parse(b, number, off)
		if !ok {
			next, err := resync(w, off+1, size, number, f)
			if err != nil {
				return err
			}
			tell.gap(gap{from: off, to: next, tail: next == size})
			off = next
			continue
		}
		end := off + int64(f.headerBytes) + int64(h.stored)
		if end > size {
			tell.gap(gap{from: off, to: size, tail: true, records: 1, points: h.points})
			return nil
		}
		tell.record(off, h)
		off = end
	}
	return nil
}

// resync returns where the next record begins, size if there is none.
func resync(w *window, off, size int64, number uint64, f *format) (int64, error) {
	for off+int64(f.headerBytes) <= size {
		b, err := w.at(off, f.headerBytes)
		if err != nil {
			return 0, err
		}
		if len(b) < f.headerBytes {
			break // the file is shorter than it was
		}
		i := bytes.Index(b, f.magic)
		if i < 0 {
			off += int64(len(b) - len(f.magic) + 1)
			continue
		}
		off += int64(i)
		if len(b)-i < f.headerBytes {
			continue // i is not 0: the next window holds all of it
		}
		if _, ok := f.parse(b[i:], number, off); ok {
			return off, nil
		}
		off++
	}
	return size, nil
}
