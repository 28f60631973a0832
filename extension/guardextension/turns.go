package guardextension

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/sluice-metrics/sluice/internal/limiter"
)

// turns bound what goes to a backend: who finds no tokens waits for them, in the order of coming. It is safe for concurrent
// use; nil has no bound.
type turns struct {
	rate   limiter.Rate
	mu     sync.Mutex // held from looking at what there is to taking it
	tokens *rate.Limiter
}

func newTurns(r limiter.Rate) *turns {
	if r.PerSecond <= 0 {
		return nil
	}
	return &turns{rate: r, tokens: rate.NewLimiter(rate.Limit(r.PerSecond), max(r.Burst, 1))}
}

// wait takes n tokens and returns when they are there. More than there may be are taken in several turns. Where that would
// be after the deadline of the context, it returns at once how long it would take.
func (t *turns) wait(ctx context.Context, n int64) (late time.Duration, err error) {
	if t == nil {
		return 0, nil
	}
	for burst := int64(t.tokens.Burst()); n > 0 && late == 0 && err == nil; n -= burst {
		late, err = t.next(ctx, int(min(n, burst)))
	}
	return late, err
}

func (t *turns) next(ctx context.Context, n int) (late time.Duration, err error) {
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	delay, ok := t.reserve(ctx, n)
	switch {
	case !ok:
		return max(delay, 1), nil
	case delay == 0:
		return 0, nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return 0, nil
	case <-ctx.Done():
		t.giveBack(n)
		return 0, ctx.Err()
	}
}

// reserve takes tokens that come after a delay, unless that is beyond the deadline.
func (t *turns) reserve(ctx context.Context, n int) (delay time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	delay = t.rate.After(float64(n) - t.tokens.TokensAt(now))
	if deadline, limited := ctx.Deadline(); limited && now.Add(delay).After(deadline) {
		return delay, false
	}
	t.tokens.ReserveN(now, n)
	return delay, true
}

// giveBack is for who gives up. A reservation that is cancelled would give back nothing if others have come after it.
func (t *turns) giveBack(n int) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tokens.ReserveN(time.Now(), -n)
}
