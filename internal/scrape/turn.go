package scrape

import (
	"errors"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/turnstile"
)

// guard is what a loop knows of how its target is to be treated. It belongs to the goroutine of the loop.
type guard struct {
	bucket  *rate.Limiter
	breaker *breaker.Breaker
	// ticket is the breaker's for the scrape under way.
	ticket breaker.Ticket
	// credit is a part of a turn: when intervals are stretched, a turn is worth less than a scrape.
	credit float64
	// samples are those of the last page, scraped is when it was.
	samples int
	scraped time.Time
}

// newGuard begins with a credit that is another one for each target, since all would let the same turn pass.
func newGuard(g *gate, t *target) guard {
	own := guard{bucket: newLimiter(g.TargetRate), credit: float64(t.hash%1024) / 1024, scraped: time.Now()}
	if g.breaker != nil {
		own.breaker = breaker.New(*g.breaker)
	}
	return own
}

// turn scrapes the target, or lets the turn pass.
func (l *loop) turn(at time.Time) {
	if why := l.refusal(at); why != scrapeNow {
		l.skip(at, why)
		return
	}
	if !l.enter() {
		return
	}
	defer l.gate.leave()
	if l.stopped() {
		return
	}
	now := time.Now()
	if now.Sub(at) > l.interval/100 {
		at = now
	}
	if why := l.admit(now); why != scrapeNow { // at may be before the token came
		l.skip(at, why)
		return
	}
	l.scraped = at
	l.scrape(l.shared.ctx, at)
}

// refusal is why the target shall not be scraped now, as far as that is known without waiting.
func (l *loop) refusal(at time.Time) Skip {
	overdue := at.Add(l.interval).Sub(l.scraped) > max(maxGap, l.interval)
	switch {
	case l.breaker != nil && l.breaker.Status(at).State == breaker.Open:
		return SkipBreaker
	case !l.gate.quota.has(l.share, at):
		return SkipBudget
	case overdue:
		return scrapeNow
	case l.shared.pressure.skips(at, l.interval), !l.hasCredit(at):
		return SkipPressure
	default:
		return scrapeNow
	}
}

// hasCredit counts the turn.
func (l *loop) hasCredit(at time.Time) bool {
	l.credit += 1 / l.shared.pressure.stretch(at)
	if l.credit < 1 {
		return false
	}
	l.credit--
	return true
}

// enter waits for tokens and places, for which the gate's leave is to be called. It reports false if the loop is stopped
// first. A place comes after a token: who waits for tokens must not keep one.
func (l *loop) enter() bool {
	g := l.gate
	if !l.sleepFor(missing(l.bucket, time.Now()), noToken) || !l.pay(g.job, "", g.all) {
		return false
	}
	defer g.job.leave()
	g.job.waits(forPlace)
	if !l.queue(g.own, "", noPlace) {
		return false
	}
	g.job.waits(forNext)
	if l.enterAll() {
		return true
	}
	g.own.Leave()
	return false
}

// enterAll is enter for what all jobs have in common.
func (l *loop) enterAll() bool {
	g := l.gate
	if !l.pay(g.all, g.name, nil) {
		return false
	}
	defer g.all.leave()
	g.all.waits(forPlace)
	if g.all == nil {
		g.job.waits(forPlace)
	}
	return l.queue(g.running, g.name, noPlace)
}

// These are reasons that stay the same during a wait.
func noToken() Skip { return SkipRateLimit }
func noPlace() Skip { return SkipConcurrency }

// pay waits for a token, and stays the first in line. The first one may have to pay the next bucket, too.
func (l *loop) pay(b *bucket, group string, next *bucket) bool {
	if b == nil {
		return true
	}
	if !l.queue(b.line, group, func() Skip { return b.reason(next) }) {
		return false
	}
	now := time.Now()
	token := b.tokens.ReserveN(now, 1)
	if l.sleepFor(token.DelayFrom(now), noToken) {
		return true
	}
	token.Cancel()
	b.leave()
	return false
}

// queue waits for a place.
func (l *loop) queue(t *turnstile.Turnstile, group string, why func() Skip) bool {
	w := t.Queue(group)
	if w == nil || waitFor(l, w.In(), why) {
		return true
	}
	w.GiveUp()
	return false
}

func (l *loop) sleepFor(d time.Duration, why func() Skip) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	return waitFor(l, timer.C, why)
}

// waitFor reports false if the loop is stopped first. Turns that pass meanwhile are skipped, but keep their place in the
// line: who waits longest comes first, whenever it has its turns.
func waitFor[T any](l *loop, ready <-chan T, why func() Skip) bool {
	for {
		select {
		case <-ready:
			return true
		case <-l.life.Done():
			return false
		case <-l.ticks:
			l.skip(l.tick(), why())
		}
	}
}

// admit is the last question. The token of the target itself is taken here: what it sees is to be within its bucket,
// whatever else there was to wait for.
func (l *loop) admit(now time.Time) Skip {
	if l.bucket != nil && !l.bucket.AllowN(now, 1) {
		return SkipRateLimit
	}
	if l.breaker == nil {
		return scrapeNow
	}
	var ok bool
	if l.ticket, ok = l.breaker.Allow(now); !ok {
		return SkipBreaker
	}
	if l.ticket.IsFirstProbe() {
		l.observeBreaker(breaker.HalfOpen)
	}
	return scrapeNow
}

func (l *loop) observeBreaker(to breaker.State) {
	if l.shared.Observer.Breaker != nil {
		l.shared.Observer.Breaker(l.shared.deliver, l.job, to)
	}
}

// lastTurn is the one when all ends. It waits for a place only.
func (l *loop) lastTurn() {
	ctx := l.shared.deliver
	if !l.gate.enter(ctx) {
		return
	}
	defer l.gate.leave()
	now := time.Now()
	if why := l.admit(now); why != scrapeNow {
		l.skip(now, why)
		return
	}
	l.scrape(ctx, now)
}

// judge tells breaker and quota how the scrape went.
func (l *loop) judge(outcome Outcome, err error) {
	now, changed := time.Now(), false
	switch outcome {
	case OK, Refused, OverBudget:
		changed = l.ticket.Success()
	case TargetLimit, NoMemory, Cancelled:
		l.ticket.Cancel()
	case Timeout, Unreachable, BadStatus, TooLarge, Limited, Unreadable:
		l.gate.quota.failed(l.share, now)
		changed = l.ticket.Failure(now, askedDelay(err))
	}
	if changed {
		l.observeBreaker(l.breaker.Status(now).State)
	}
}

// askedDelay is how long a target that is overloaded asks to be left alone. Source: Retry-After of RFC 9110.
func askedDelay(err error) time.Duration {
	s, ok := errors.AsType[*StatusError](err)
	if ok && (s.Code == http.StatusTooManyRequests || s.Code == http.StatusServiceUnavailable) {
		return s.RetryAfter
	}
	return 0
}
