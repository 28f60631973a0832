package prometheuspullexporter

import (
	"bufio"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// encoder is a compressor that can be used again.
type encoder interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// coding is a content coding. Its encoders are pooled: they take long to make and much memory to keep.
type coding struct {
	name     string
	encoders sync.Pool
}

// codings are those on offer; of two that a scraper likes equally well the first is served: on a page it is a third
// faster, and the second a tenth smaller.
var codings = []*coding{
	{name: "gzip", encoders: sync.Pool{New: newGzip}},
	{name: "zstd", encoders: sync.Pool{New: newZstd}},
}

// gzipWriter collects what gzip writes by the 250 bytes.
type gzipWriter struct {
	*gzip.Writer
	buf *bufio.Writer
}

func newGzip() any {
	buf := bufio.NewWriterSize(nil, gzipBuffer)
	w, err := gzip.NewWriterLevel(buf, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return &gzipWriter{w, buf}
}

func (w *gzipWriter) Reset(dst io.Writer) {
	w.buf.Reset(dst)
	w.Writer.Reset(w.buf)
}

func (w *gzipWriter) Close() error { return errors.Join(w.Writer.Close(), w.buf.Flush()) }

const (
	gzipBuffer = 16 << 10
	// zstdWindow is also what a scraper must keep. A series resembles its neighbours: more finds nothing more.
	zstdWindow = 128 << 10
)

// newZstd compresses in the goroutine that writes.
func newZstd() any {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return w
}

// encode compresses what fill writes.
func (c *coding) encode(w io.Writer, fill func(io.Writer) error) error {
	enc := c.encoders.Get().(encoder)
	defer func() {
		enc.Reset(io.Discard) // lets go of w
		c.encoders.Put(enc)
	}()
	enc.Reset(w)
	if err := fill(enc); err != nil {
		return err
	}
	return enc.Close()
}
