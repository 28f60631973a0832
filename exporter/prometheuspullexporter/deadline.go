package prometheuspullexporter

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"
)

const (
	timeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"
	// maxTimeout is longer than any scraper waits.
	maxTimeout = 24 * time.Hour
)

// scrapeTimeout is how long the scraper says that it waits, but no longer than limit; 0 means no bound. What makes no
// sense is ignored.
func scrapeTimeout(h http.Header, limit time.Duration) time.Duration {
	seconds, err := strconv.ParseFloat(h.Get(timeoutHeader), 64)
	waits := time.Duration(seconds * float64(time.Second))
	switch {
	case err != nil || !(seconds < maxTimeout.Seconds()) || waits <= 0:
		return limit
	case limit <= 0:
		return waits
	default:
		return min(waits, limit)
	}
}

// withDeadline ends the answer after timeout: the context stops who makes the page, the connection who waits for the
// scraper to take it. A connection that knows no deadline has that of the server.
func withDeadline(ctx context.Context, w http.ResponseWriter, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		return ctx, func() {}
	}
	deadline := time.Now().Add(timeout)
	_ = http.NewResponseController(w).SetWriteDeadline(deadline)
	return context.WithDeadline(ctx, deadline)
}

// outcomeOf counts a scraper that hangs up in the last tenth of its time as one that ran out of it: its clock starts
// before ours.
func outcomeOf(err error, took, timeout time.Duration) string {
	switch {
	case err == nil:
		return outcomeOK
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		timeout > 0 && took >= timeout-timeout/10:
		return outcomeTimeout
	default:
		return outcomeError
	}
}
