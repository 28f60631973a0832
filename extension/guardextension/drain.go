package guardextension

import (
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

// drain throws away what is left of a body: at most 8 KiB of it are held.
func drain(w http.ResponseWriter, body io.Reader, bytes int64, timeout time.Duration) {
	if bytes == 0 {
		return
	}
	if timeout <= 0 || timeout > drainTimeout {
		timeout = drainTimeout
	}
	c := http.NewResponseController(w)
	if c.SetReadDeadline(time.Now().Add(timeout)) != nil {
		return // without a deadline a client could hold the connection for ever
	}
	_, _ = io.CopyN(io.Discard, body, bytes+1) // whatever comes of it, the request is refused
	_ = c.SetReadDeadline(time.Time{})         // it could be set
}
