// Package sink stands in for what a collector sends to: it takes OTLP over gRPC and HTTP and Prometheus remote write,
// counts and forgets.
package sink

import (
	"context"
	"sync/atomic"
	"time"
)

// Mode is how a sink treats its clients. A dead downstream needs no sink: nothing listens.
type Mode struct {
	Delay time.Duration // before each answer
	Hang  bool          // takes requests, and never answers
}

// Counter counts what arrived and was answered.
type Counter struct {
	points   atomic.Int64
	requests atomic.Int64
}

// Points returns the data points or samples taken.
func (c *Counter) Points() int64 { return c.points.Load() }

// Requests returns the requests answered.
func (c *Counter) Requests() int64 { return c.requests.Load() }

func (c *Counter) count(points int) {
	c.points.Add(int64(points))
	c.requests.Add(1)
}

// wait holds the answer back as the mode says, or until the client or the sink gives up.
func (m Mode) wait(ctx context.Context, closing <-chan struct{}) error {
	if m.Delay <= 0 && !m.Hang {
		return nil
	}
	var elapsed <-chan time.Time // nil, which is never, if it hangs
	if !m.Hang {
		timer := time.NewTimer(m.Delay)
		defer timer.Stop()
		elapsed = timer.C
	}
	select {
	case <-elapsed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-closing:
		return context.Canceled
	}
}
