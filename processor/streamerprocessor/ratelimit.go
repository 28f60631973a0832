package streamerprocessor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// RateLimitConfig bounds what comes in.
type RateLimitConfig struct {
	// PointsPerSecond is how many data points per second are taken in the long run. Default: 0, no limit.
	PointsPerSecond float64 `mapstructure:"points_per_second"`

	// Burst is how many data points are taken at once after a pause. Default: 0, what comes in a second at that rate.
	Burst int `mapstructure:"burst"`

	// prevent unkeyed literals
	_ struct{}
}

func (c *RateLimitConfig) validate() error {
	var errs []error
	if !(c.PointsPerSecond >= 0) || math.IsInf(c.PointsPerSecond, 1) { // NaN is not at least 0 either
		errs = append(errs, fmt.Errorf("rate_limit: points_per_second: must be a number from 0 on, not %v", c.PointsPerSecond))
	}
	if c.Burst < 0 {
		errs = append(errs, fmt.Errorf("rate_limit: burst: must not be negative, not %d", c.Burst))
	}
	if c.Burst > 0 && c.PointsPerSecond == 0 {
		errs = append(errs, errors.New("rate_limit: burst: points_per_second must be set too"))
	}
	return errors.Join(errs...)
}

// limit is a bucket of data points. nil has no bottom.
type limit struct {
	mu     sync.Mutex // held from looking at what there is to taking it: a reservation cannot be cancelled without loss
	bucket *rate.Limiter
	burst  int
}

func newLimit(c RateLimitConfig) *limit {
	if c.PointsPerSecond == 0 {
		return nil
	}
	burst := c.Burst
	if burst == 0 {
		burst = max(1, int(min(c.PointsPerSecond, math.MaxInt32)))
	}
	return &limit{bucket: rate.NewLimiter(rate.Limit(c.PointsPerSecond), burst), burst: burst}
}

// take returns how long to wait until so many points may come, 0 if now. A batch that is larger than the bucket is let
// in when the bucket is full, and leaves a debt: refused for its size alone it would never pass.
func (l *limit) take(points int) time.Duration {
	if l == nil || points == 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if missing := float64(min(points, l.burst)) - l.bucket.TokensAt(now); missing > 0 {
		return l.after(missing)
	}
	for rest := points; rest > 0; rest -= l.burst {
		l.bucket.ReserveN(now, min(rest, l.burst))
	}
	return 0
}

// after is how long so many points take to come.
func (l *limit) after(points float64) time.Duration {
	ns := math.Ceil(points / float64(l.bucket.Limit()) * float64(time.Second))
	return time.Duration(min(ns, math.MaxInt64/2))
}

// check refuses points that are too many.
func (s *streamer) check(ctx context.Context, points int) error {
	delay := s.limit.take(points)
	if delay == 0 {
		return nil
	}
	s.report.refuse(ctx, refusedRate, points)
	return exhausted("rate_limit: more data points than points_per_second", delay)
}

// exhausted is a refusal as OTLP has it: ResourceExhausted and when to try again. That is in whole seconds, rounded up: the
// OTLP receiver cuts off fractions for HTTP, and who is told 0 comes back at once.
func exhausted(why string, delay time.Duration) error {
	refused := status.New(codes.ResourceExhausted, why)
	detailed, err := refused.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(wholeSeconds(delay))})
	if err != nil {
		return refused.Err()
	}
	return detailed.Err()
}

func wholeSeconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}
