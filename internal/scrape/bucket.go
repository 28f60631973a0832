package scrape

import (
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/sluice-metrics/sluice/internal/turnstile"
)

// bucket has tokens, of which each request takes one. Who waits for one is not overtaken by others of the same group, and
// groups have their turns. The nil bucket has as many as are wanted.
type bucket struct {
	tokens *rate.Limiter
	// line lets one in at a time, who waits for the next token, and stays first until there is nothing more to wait for:
	// if many had a token and waited for a place, they would all begin at once when places become free.
	line *turnstile.Turnstile
	// first is what the first in line waits for.
	first atomic.Int32
}

// What the first in line of a bucket waits for: a token, a place, or what the first in the next line waits for.
const (
	forToken = iota
	forPlace
	forNext
)

func (b *bucket) waits(what int32) {
	if b != nil {
		b.first.Store(what)
	}
}

// reason is why those in line wait.
func (b *bucket) reason(next *bucket) Skip {
	switch what := b.first.Load(); {
	case what == forPlace:
		return SkipConcurrency
	case what == forNext && next != nil:
		return next.reason(nil)
	default:
		return SkipRateLimit
	}
}

// inLine is how many wait for a place, though they are not in line for one.
func (b *bucket) inLine(next *bucket) int {
	if b == nil || b.reason(next) != SkipConcurrency {
		return 0
	}
	return b.line.Waiting()
}

// leave lets the next one be the first.
func (b *bucket) leave() {
	if b != nil {
		b.waits(forToken)
		b.line.Leave()
	}
}

func newBucket(r Rate) *bucket {
	if r.PerSecond <= 0 {
		return nil
	}
	return &bucket{tokens: newLimiter(r), line: turnstile.New(1)}
}

// newLimiter returns nil if there is no bound.
func newLimiter(r Rate) *rate.Limiter {
	if r.PerSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(r.PerSecond), max(1, r.Burst))
}

// missing is how long it takes until there is a token.
func missing(b *rate.Limiter, now time.Time) time.Duration {
	if b == nil {
		return 0
	}
	lack := 1 - b.TokensAt(now)
	if lack <= 0 {
		return 0
	}
	return time.Duration(lack/float64(b.Limit())*float64(time.Second)) + rounding
}

// rounding is more than what floating point loses of a token.
const rounding = time.Microsecond
