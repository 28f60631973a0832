package prometheuspullexporter

import (
	"fmt"
	"net/http"
)

// limiter refuses scrapes beyond its slots at once: queued ones would time out and come again.
type limiter struct {
	slots     chan struct{}
	telemetry *telemetry
}

// newLimiter returns one for all pages together; 0 means no bound.
func newLimiter(slots int, tel *telemetry) *limiter {
	if slots <= 0 {
		return &limiter{}
	}
	return &limiter{slots: make(chan struct{}, slots), telemetry: tel}
}

func (l *limiter) wrap(next http.Handler) http.Handler {
	if l.slots == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		select {
		case l.slots <- struct{}{}:
			defer func() { <-l.slots }()
			next.ServeHTTP(w, req)
		default:
			l.refuse(w, req)
		}
	})
}

func (l *limiter) refuse(w http.ResponseWriter, req *http.Request) {
	l.telemetry.scraped(req.Context(), outcomeRejected, 0)
	w.Header().Set("Retry-After", "1")
	http.Error(w, fmt.Sprintf("%d scrapes are under way, try again later", cap(l.slots)), http.StatusServiceUnavailable)
}
