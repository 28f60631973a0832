package limiter

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Rate is how many tokens come in a second, and how many there may be. A PerSecond of 0 means no limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Limits are those of one bucket.
type Limits struct {
	Requests, Bytes Rate
}

// Limit is one that was met.
type Limit int8

// The limits. None means that a request may go on.
const (
	None Limit = iota
	Requests
	Bytes
	InFlightRequests
	InFlightBytes
)

// Bucket bounds the requests and bytes of one client, or of all. It is safe for concurrent use.
type Bucket struct {
	requests, bytes *rate.Limiter // nil without a limit
	limits          Limits
	// pending are the bytes that are expected yet of requests that were let in.
	pending atomic.Int64
	class   int
	// taking is held from looking at a debt to adding to it; latest is when something was taken.
	taking sync.Mutex
	latest time.Time
}

// NewBucket returns a full bucket. The class is whatever tells it from others.
func NewBucket(l Limits, class int) *Bucket {
	return &Bucket{requests: limiter(l.Requests), bytes: limiter(l.Bytes), limits: l, class: class}
}

func limiter(r Rate) *rate.Limiter {
	if r.PerSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(r.PerSecond), max(r.Burst, 1))
}

// Class is what the bucket was given when it was made.
func (b *Bucket) Class() int { return b.class }

// Most is the largest request that the bucket can let through. No bucket at all lets any through.
func (b *Bucket) Most() int64 {
	if b == nil || b.bytes == nil {
		return math.MaxInt64
	}
	return int64(b.bytes.Burst())
}

// Check tells whether a request would be let in now, and if not, which limit is met and how long to wait.
func (b *Bucket) Check(now time.Time) (Limit, time.Duration) {
	if b.requests != nil {
		if have := b.requests.TokensAt(now); have < 1 {
			return Requests, b.limits.Requests.After(1 - have)
		}
	}
	if free := b.free(now); free <= 0 {
		return Bytes, b.limits.Bytes.After(1 - free)
	}
	return None, 0
}

// Admit lets a request in that is expected to bring so many bytes, or tells which limit is met and how long to wait. What is
// let in is charged to c, which must be closed.
func (b *Bucket) Admit(now time.Time, expected int64, c *Charge) (Limit, time.Duration) {
	if b.bytes != nil && !b.expect(now, expected) {
		return Bytes, b.limits.Bytes.After(1 - b.free(now))
	}
	if b.requests != nil && !b.takeRequest(now) {
		if b.bytes != nil {
			b.pending.Add(-expected)
		}
		return Requests, b.limits.Requests.After(1 - b.requests.TokensAt(now))
	}
	*c = Charge{bucket: b}
	if b.bytes != nil {
		c.pending = expected
	}
	return None, 0
}

func (b *Bucket) takeRequest(now time.Time) bool {
	b.taking.Lock()
	defer b.taking.Unlock()
	return b.requests.AllowN(b.at(now), 1)
}

// at has time not go back: a rate.Limiter brings the tokens of a time twice if somebody who has looked at the clock before
// others comes after them.
func (b *Bucket) at(now time.Time) time.Time {
	if now.After(b.latest) {
		b.latest = now
	}
	return b.latest
}

// expect adds to what is pending if that leaves bytes free before. Only one of those that see the same state succeeds.
func (b *Bucket) expect(now time.Time, expected int64) bool {
	for {
		pending := b.pending.Load()
		if b.bytes.TokensAt(now)-float64(pending) <= 0 {
			return false
		}
		if b.pending.CompareAndSwap(pending, pending+expected) {
			return true
		}
	}
}

// free are the bytes that nobody has yet; negative in debt. Without a limit it is 1.
func (b *Bucket) free(now time.Time) float64 {
	if b.bytes == nil {
		return 1
	}
	return b.bytes.TokensAt(now) - float64(b.pending.Load())
}

// full tells whether the bucket is as if new: to forget it then forgives nothing.
func (b *Bucket) full(now time.Time) bool {
	return (b.requests == nil || b.requests.TokensAt(now) >= float64(b.requests.Burst())) &&
		(b.bytes == nil || b.bytes.TokensAt(now) >= float64(b.bytes.Burst())) && b.pending.Load() <= 0
}

// Tokens are those there are now, negative in debt; ok is false without a limit.
func (b *Bucket) Tokens(now time.Time, of Limit) (tokens float64, ok bool) {
	l := b.requests
	if of == Bytes {
		l = b.bytes
	}
	if l == nil {
		return 0, false
	}
	return l.TokensAt(now), true
}

// Expected are the bytes that are expected yet of requests that were let in.
func (b *Bucket) Expected() int64 { return b.pending.Load() }

// After is how long so many tokens take to come.
func (r Rate) After(tokens float64) time.Duration {
	if r.PerSecond <= 0 || tokens <= 0 {
		return 0
	}
	const longest = float64(24 * time.Hour)
	return time.Duration(min(tokens/r.PerSecond*float64(time.Second), longest))
}
