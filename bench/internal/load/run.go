package load

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Options say how a fleet is sent. A run ends with its rounds or its duration, whichever comes first; one of the two must be set.
type Options struct {
	HTTP            bool   // OTLP over HTTP instead of gRPC
	Address         string // host:port
	Clients         int    // connections, each with its share of the payloads
	Rounds          int    // how often each payload is sent; 0 means until Duration
	Duration        time.Duration
	PointsPerSecond float64       // of all clients together; 0 means as fast as answers come
	Timeout         time.Duration // for one request
	Backoff         time.Duration // pause after a request that was not accepted
	ChurnPercent    int           // share of the series that are replaced each round
}

// Tally counts one outcome.
type Tally struct {
	Requests int
	Points   int64
}

func (t *Tally) add(points int) {
	t.Requests++
	t.Points += int64(points)
}

func (t *Tally) merge(o Tally) {
	t.Requests += o.Requests
	t.Points += o.Points
}

// Result is what became of a run's requests: Sent = Accepted + Refused + Failed + Rejected, in points.
type Result struct {
	Sent, Accepted, Refused, Failed Tally
	Rejected                        int64 // points of accepted requests that the server says it did not take
	RetryAfter                      int   // refusals that told when to come again
	LastError                       error
	Took                            time.Duration
}

func (r *Result) count(points int, a answer) {
	r.Sent.add(points)
	switch a.kind {
	case accepted:
		r.Accepted.add(points - int(a.rejected))
		r.Rejected += a.rejected
	case refused:
		r.Refused.add(points)
		if a.retryAfter {
			r.RetryAfter++
		}
	case failed:
		r.Failed.add(points)
	}
	if a.err != nil {
		r.LastError = a.err
	}
}

func (r *Result) merge(o Result) {
	r.Sent.merge(o.Sent)
	r.Accepted.merge(o.Accepted)
	r.Refused.merge(o.Refused)
	r.Failed.merge(o.Failed)
	r.Rejected += o.Rejected
	r.RetryAfter += o.RetryAfter
	if o.LastError != nil {
		r.LastError = o.LastError
	}
}

type client interface {
	send(ctx context.Context, body []byte) answer
	close()
}

// Run sends the fleet and returns when the last answer is there. It changes the fleet's payloads, so one run at a time may use it.
func Run(ctx context.Context, fleet Fleet, o Options) (Result, error) {
	clients := min(max(o.Clients, 1), len(fleet))
	results := make([]Result, clients)
	start := time.Now()
	var wg sync.WaitGroup
	for i := range clients {
		c, err := o.dial()
		if err != nil {
			return Result{}, fmt.Errorf("client %d: %w", i, err)
		}
		s := sender{Options: o, client: c, start: start, every: clients, out: &results[i]}
		for k := i; k < len(fleet); k += clients {
			s.payloads = append(s.payloads, fleet[k])
		}
		wg.Go(func() { s.run(ctx) })
	}
	wg.Wait()
	total := Result{Took: time.Since(start)}
	for _, r := range results {
		total.merge(r)
	}
	return total, ctx.Err()
}

func (o Options) dial() (client, error) {
	if o.HTTP {
		return newHTTPClient(o.Address), nil
	}
	return newGRPCClient(o.Address)
}

// sender is one client's loop over its payloads.
type sender struct {
	Options
	client   client
	payloads Fleet
	start    time.Time
	every    int // it sends one request in this many
	out      *Result
}

func (s *sender) run(ctx context.Context) {
	defer s.client.close()
	for n := 0; s.more(n); n++ {
		p := s.payloads[n%len(s.payloads)]
		if !s.pace(ctx, n*p.points*s.every) {
			return
		}
		p.advance(time.Now(), s.ChurnPercent)
		a := s.send(ctx, p.body)
		s.out.count(p.points, a)
		if a.kind != accepted && !pause(ctx, s.Backoff) {
			return
		}
	}
}

func (s *sender) send(ctx context.Context, body []byte) answer {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	return s.client.send(ctx, body)
}

func (s *sender) more(n int) bool {
	if s.Rounds > 0 && n >= s.Rounds*len(s.payloads) {
		return false
	}
	return s.Duration <= 0 || time.Since(s.start) < s.Duration
}

// pace waits until the points before this request may have been sent by all clients together.
func (s *sender) pace(ctx context.Context, points int) bool {
	if s.PointsPerSecond <= 0 {
		return ctx.Err() == nil
	}
	due := time.Duration(float64(points) / s.PointsPerSecond * float64(time.Second))
	return pause(ctx, time.Until(s.start.Add(due)))
}

// pause waits and tells whether the context still holds.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
