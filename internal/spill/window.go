package spill

import (
	"errors"
	"io"
)

const windowBytes = 64 << 10

// window reads a file piece by piece, however long it is.
type window struct {
	r     io.ReaderAt
	buf   []byte
	start int64
}

func newWindow(r io.ReaderAt) *window { return &window{r: r, buf: make([]byte, 0, windowBytes)} }

// at returns the bytes at off: n or more, fewer at the end of the file. They are valid until the next call.
func (w *window) at(off int64, n int) ([]byte, error) {
	if off >= w.start && off+int64(n) <= w.start+int64(len(w.buf)) {
		return w.buf[off-w.start:], nil
	}
	got, err := w.r.ReadAt(w.buf[:cap(w.buf)], off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	w.start, w.buf = off, w.buf[:got]
	return w.buf, err
}
