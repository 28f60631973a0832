package prometheuspullexporter

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// limitedHandler refuses scrapes beyond its slots at once: queued ones would time out and come again.
type limitedHandler struct {
	next      http.Handler
	slots     chan struct{}
	telemetry *telemetry
}

func (h *limitedHandler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
		h.next.ServeHTTP(w, req)
	default:
		h.telemetry.scraped(req.Context(), outcomeRejected, 0)
		w.Header().Set("Retry-After", "1")
		http.Error(w, fmt.Sprintf("%d scrapes are under way, try again later", cap(h.slots)), http.StatusServiceUnavailable)
	}
}

// recordedHandler records outcome and duration. A page that could not be written to its end breaks the connection:
// cut off in silence it would pass for a whole one.
type recordedHandler struct {
	next      func(http.ResponseWriter, *http.Request) error
	telemetry *telemetry
}

func (h *recordedHandler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	start := time.Now()
	err := h.next(w, req)
	outcome := outcomeOK
	if err != nil {
		outcome = outcomeError
	}
	h.telemetry.scraped(req.Context(), outcome, time.Since(start))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

// encodeError is promhttp's error log for one request. It keeps the first error and writes no log: most are clients
// that went away, and the metric counts them all.
type encodeError struct{ err error }

func (e *encodeError) Println(v ...any) {
	if e.err == nil {
		e.err = errors.New(strings.TrimSpace(fmt.Sprintln(v...)))
	}
}
