package pushgroup

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// lease lends bytes to a request. The transport may read on after it has answered; once the lease has ended it cannot.
type lease struct {
	mu    sync.Mutex
	bytes []byte
	ended bool
}

func (l *lease) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}

func (l *lease) lend(req *http.Request) {
	if len(l.bytes) == 0 {
		return
	}
	req.Body, req.ContentLength = l.reader(), int64(len(l.bytes))
	req.GetBody = func() (io.ReadCloser, error) { return l.reader(), nil }
}

func (l *lease) reader() io.ReadCloser {
	return &leased{lease: l, from: *bytes.NewReader(l.bytes)}
}

type leased struct {
	lease *lease
	from  bytes.Reader
}

func (r *leased) Read(p []byte) (int, error) {
	r.lease.mu.Lock()
	defer r.lease.mu.Unlock()
	if r.lease.ended {
		return 0, io.ErrClosedPipe
	}
	return r.from.Read(p)
}

func (r *leased) Close() error { return nil }
