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

// body counts the bytes of a request as they are read. It may be read while the handler returns, and after it, as an
// http.Client does that the handler has given it to.
type body struct {
	source io.ReadCloser
	rest   rest

	mu        sync.Mutex
	admission admission
	deadline  readDeadline
	err       error // that all reads return from now on
}

// finish ends the request, which gets its own body back.
func (b *body) finish(r *http.Request, own io.ReadCloser) {
	r.Body = own
	b.mu.Lock()
	defer b.mu.Unlock()
	b.admission.settle()
	b.admission.close()
	if b.err == nil {
		b.err = http.ErrBodyReadAfterClose
	}
}

func (b *body) Read(p []byte) (int, error) {
	if err := b.over(); err != nil {
		return 0, err
	}
	n, err := b.source.Read(p)
	no, err := b.took(n, err)
	if no.reason == admitted {
		return n, err
	}
	b.rest.drain(b.source)
	return 0, no.readError()
}

// over is nil while there may be more to read.
func (b *body) over() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// took counts what was read, and returns how the read has ended.
func (b *body) took(n int, err error) (refusal, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return refusal{}, b.err // the handler has returned meanwhile
	}
	if no := b.count(n, err != nil); no.reason != admitted {
		b.err = no.readError()
		return no, b.err
	}
	if err != nil {
		b.err = b.ended(err)
	}
	return refusal{}, b.err
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
		a.whole()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return a.refused(refuse(receiveTimeout, a.server.retryAfter)).readError()
	default:
		a.outcome = abandoned
	}
	return err
}

func (b *body) Close() error { return b.source.Close() }

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
