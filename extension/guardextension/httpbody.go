package guardextension

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// chargeEvery is how many bytes are read before they are charged: a clock and a lock for every few hundred would be dear.
const chargeEvery = 32 << 10

// body counts the bytes of a request as they are read. It is used again for other requests: like any body, a handler must
// not touch it once it has returned.
type body struct {
	admission admission
	source    io.ReadCloser
	deadline  readDeadline
	writer    http.ResponseWriter
	rest      int64 // that has to be read, at most, when it is refused
	err       error // that all reads return from now on
}

var bodies = sync.Pool{New: func() any { return new(body) }}

func takeBody() *body { return bodies.Get().(*body) }

func (b *body) release() {
	*b = body{}
	bodies.Put(b)
}

// finish ends the request, which gets its own body back.
func (b *body) finish(r *http.Request, own io.ReadCloser) {
	r.Body = own
	b.admission.close()
	b.release()
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.source == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.source.Read(p)
	if no := b.count(n, err != nil); no.reason != admitted {
		b.err = no.readError()
		if err == nil {
			drain(b.writer, b.source, b.rest, b.admission.server.timeout)
		}
		return 0, b.err
	}
	if err != nil {
		err = b.ended(err)
	}
	return n, err
}

func (b *body) count(n int, last bool) refusal {
	a := &b.admission
	if no := a.grow(int64(n)); no.reason != admitted {
		return no
	}
	if last || a.read-a.charged >= chargeEvery {
		return a.charge(time.Now())
	}
	return refusal{}
}

// ended returns what the handler is told of the end. One that came too late is not the client's data's fault: it may retry.
func (b *body) ended(err error) error {
	a := &b.admission
	switch {
	case errors.Is(err, io.EOF):
		b.deadline.clear()
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = a.refused(refuse(receiveTimeout, a.server.retryAfter)).readError()
	default:
		a.outcome = abandoned
	}
	b.err = err
	return err
}

// Close charges what was read by a handler that did not read to the end.
func (b *body) Close() error {
	if b.source == nil {
		return nil
	}
	return b.source.Close()
}

// readDeadline bounds how long a request may take to arrive.
type readDeadline struct{ w http.ResponseWriter }

// set leaves a shorter read_timeout of the server as it is. It does nothing for a server that has no deadlines, such as
// httptest.ResponseRecorder.
func (d *readDeadline) set(w http.ResponseWriter, r *http.Request, now time.Time, timeout time.Duration) {
	if timeout <= 0 {
		return
	}
	if s, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && s.ReadTimeout > 0 && s.ReadTimeout <= timeout {
		return
	}
	if http.NewResponseController(w).SetReadDeadline(now.Add(timeout)) == nil {
		d.w = w
	}
}

// clear is for the connection: net/http watches it while the request is served, and would cancel it at the deadline.
func (d *readDeadline) clear() {
	if d.w != nil {
		_ = http.NewResponseController(d.w).SetReadDeadline(time.Time{}) // it could be set
		d.w = nil
	}
}
