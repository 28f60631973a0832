package scrape

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/sluice-metrics/sluice/internal/turnstile"
)

// bucket has tokens, of which each request takes one. Who waits for one is not overtaken by others of the same group, and
// groups have their turns. The nil bucket has as many as are wanted.
type bucket struct {
	tokens *rate.Limiter
	// line lets one in at a time, who waits for the next token.
	line *turnstile.Turnstile
}

func newBucket(r Rate) *bucket {
	if r.PerSecond <= 0 {
		return nil
	}
	return &bucket{newLimiter(r), turnstile.New(1)}
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
