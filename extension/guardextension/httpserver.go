package guardextension

import (
	"net/http"
	"time"

	"github.com/sluice-metrics/sluice/internal/limiter"
)

// httpHandler is the middleware of an HTTP server. It comes after authentication and behind decompression.
type httpHandler struct {
	server *server
	next   http.Handler
}

func (h *httpHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	size := r.ContentLength
	if r.Body == nil || r.Body == http.NoBody {
		size = 0
	}
	b := &body{source: r.Body}
	if no := h.server.admit(now, &b.admission, overHTTP, size, h.bucket(now, r)); no.reason != admitted {
		if size != 0 {
			restOf(w, r, h.server.timeout).drain(r.Body)
		}
		no.respond(w, r.Header.Get("Content-Type"))
		return
	}
	// Deferred, for handlers may panic.
	defer b.finish(r, r.Body)
	if size != 0 {
		b.rest = restOf(w, r, h.server.timeout)
		b.deadline.set(w, r, now, h.server.timeout)
		r.Body = b
	}
	h.next.ServeHTTP(w, r)
}

func (h *httpHandler) bucket(now time.Time, r *http.Request) *limiter.Bucket {
	if h.server.keys == nil {
		return nil
	}
	return h.server.keys.ofHTTP(now, r)
}
