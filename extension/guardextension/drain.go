package guardextension

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// How much of a refused request is read, to be thrown away, and for how long. One of unknown length may be compressed, and is
// then decompressed to be read.
const (
	drainBytes        = 32 << 20
	drainUnknownBytes = 4 << 20
	drainTimeout      = 5 * time.Second
)

// drainable tells how much of what is left of a request that is refused has to be read. net/http reads 256 KiB of it and then
// closes the connection, and a client that is still sending may see a broken connection instead of the answer. Some take
// that for good, and lose the data.
//
// What is compressed, and not chunked, is left to net/http: to read it here would be to decompress it. So is a client that asks before it
// sends, for it would be told to, and HTTP/2, which can answer at any time.
func drainable(r *http.Request) int64 {
	switch {
	case r.ProtoMajor != 1, strings.EqualFold(r.Header.Get("Expect"), "100-continue"):
		return 0
	case r.ContentLength > 0:
		return min(r.ContentLength, drainBytes)
	case len(r.TransferEncoding) > 0:
		return drainUnknownBytes
	default:
		return 0
	}
}

// rest is what is left of a request that is refused.
type rest struct {
	writer  http.ResponseWriter
	bytes   int64 // that have to be read, at most
	timeout time.Duration
}

func restOf(w http.ResponseWriter, r *http.Request, timeout time.Duration) rest {
	if timeout <= 0 || timeout > drainTimeout {
		timeout = drainTimeout
	}
	return rest{w, drainable(r), timeout}
}

// drain throws away what is left of a body: at most 8 KiB of it are held. Unless that is all, the deadline stays: net/http
// reads some of what is left before it sends the answer. It does not stay for a next request of the connection.
func (r rest) drain(body io.Reader) {
	c := http.NewResponseController(r.writer)
	if c.SetReadDeadline(time.Now().Add(r.timeout)) != nil || r.bytes == 0 {
		return // without a deadline a client could hold the connection for ever
	}
	if _, err := io.CopyN(io.Discard, body, r.bytes+1); errors.Is(err, io.EOF) || errors.Is(err, http.ErrBodyReadAfterClose) {
		_ = c.SetReadDeadline(time.Time{}) // it could be set
	}
}
