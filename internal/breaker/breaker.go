package breaker

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Config is how patient a breaker is.
type Config struct {
	// Threshold is how many failures in a row open it; 0 means that they do not count.
	Threshold int
	// FailureRate is the share of the calls of Window that must fail to open it; 0 means that it does not count. There must
	// have been MinCalls of them. Calls are counted when they end.
	FailureRate float64
	Window      time.Duration
	MinCalls    int
	// Timeout is how long it is open the first time. It doubles with each probe that fails, up to MaxTimeout, which bounds
	// what the other side asks for, too.
	Timeout, MaxTimeout time.Duration
	// Probes is how many calls in a row must succeed before it closes, and how many may be under way until then, at least 1.
	Probes int
	// Jitter is the share by which open times are longer, at random, from 0 to 1.
	Jitter float64
	// Random returns numbers from 0 up to 1; nil is math/rand/v2.
	Random func() float64
}

// State is what a breaker does.
type State int8

// The states: all calls go through, some do as probes, none does.
const (
	Closed State = iota
	HalfOpen
	Open
)

func (s State) String() string {
	switch s {
	case HalfOpen:
		return "half_open"
	case Open:
		return "open"
	case Closed:
		return "closed"
	default:
		return "unknown"
	}
}

// Status is what a breaker shows of itself.
type Status struct {
	State State
	// Until is when an open breaker lets a probe through.
	Until time.Time
	// Failures are those in a row.
	Failures int
}

// Breaker is safe for concurrent use. It has neither goroutine nor timer: time comes from its callers.
type Breaker struct {
	cfg Config

	mu    sync.Mutex
	state State
	// era tells calls of this state from those of an earlier one, whose answers come too late to count.
	era      uint64
	until    time.Time
	failures int
	recent   window // of calls while it is closed, if FailureRate counts
	// opened is how often it was opened since it was closed; succeeded and under are of probes.
	opened, succeeded, under int
}

// Ticket is a call that was let through. Exactly one of its methods is to be called, once. Those of the zero Ticket have no
// effect.
type Ticket struct {
	breaker *Breaker
	era     uint64
	first   bool
}

// IsFirstProbe reports whether the breaker became half-open by this call.
func (t Ticket) IsFirstProbe() bool { return t.first }

// New returns a closed breaker.
func New(cfg Config) *Breaker {
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	return &Breaker{cfg: cfg}
}

// Allow reports whether a call may be made.
func (b *Breaker) Allow(now time.Time) (Ticket, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := b.state == Open && !now.Before(b.until)
	if first {
		b.become(HalfOpen)
	}
	if b.state == Closed && b.cfg.FailureRate > 0 {
		b.recent.advance(now, b.cfg.Window)
	}
	switch {
	case b.state == Open, b.state == HalfOpen && b.under >= b.cfg.Probes:
		return Ticket{}, false
	case b.state == HalfOpen:
		b.under++
	}
	return Ticket{b, b.era, first}, true
}

func (b *Breaker) become(s State) {
	b.state, b.succeeded, b.under, b.recent = s, 0, 0, window{}
	b.era++
}

// Success tells that the call went well. It reports whether the state has changed.
func (t Ticket) Success() (changed bool) {
	b := t.breaker
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.era != b.era {
		return false
	}
	b.failures = 0
	if b.state == Closed {
		b.recent.add(0)
		return false
	}
	b.under--
	b.succeeded++
	if b.succeeded < b.cfg.Probes {
		return false
	}
	b.opened = 0
	b.become(Closed)
	return true
}

// Failure tells that it went wrong, and how long the other side asks to be left alone, 0 if it does not: what asks is left
// alone at once. It reports whether the state has changed.
func (t Ticket) Failure(now time.Time, retryAfter time.Duration) (changed bool) {
	b := t.breaker
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.era != b.era {
		return false
	}
	b.failures++
	if b.state == Closed && !b.tooMany(now) && retryAfter <= 0 {
		return false
	}
	b.until = now.Add(b.openTime(retryAfter))
	b.opened++
	b.become(Open)
	return true
}

// tooMany counts one more failure of a closed breaker and tells whether it is too many.
func (b *Breaker) tooMany(now time.Time) bool {
	if b.cfg.Threshold > 0 && b.failures >= b.cfg.Threshold {
		return true
	}
	if b.cfg.FailureRate <= 0 {
		return false
	}
	b.recent.advance(now, b.cfg.Window)
	b.recent.add(1)
	calls, failures := b.recent.counts()
	return calls >= b.cfg.MinCalls && float64(failures) >= b.cfg.FailureRate*float64(calls)
}

// openTime is never shorter than what was asked for, unless that is beyond the bound.
func (b *Breaker) openTime(retryAfter time.Duration) time.Duration {
	d := b.cfg.Timeout
	for range b.opened {
		if d >= b.cfg.MaxTimeout {
			break
		}
		d *= 2
	}
	d = min(max(d, retryAfter), b.cfg.MaxTimeout)
	return d + time.Duration(b.cfg.Jitter*b.cfg.Random()*float64(d))
}

// Cancel tells that the call said nothing about the other side.
func (t Ticket) Cancel() {
	b := t.breaker
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.era == b.era && b.state == HalfOpen {
		b.under--
	}
}

// Status tells how the breaker is now.
func (b *Breaker) Status(now time.Time) Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Status{State: b.state, Failures: b.failures}
	switch {
	case b.state == Open && now.Before(b.until):
		s.Until = b.until
	case b.state == Open:
		s.State = HalfOpen
	}
	return s
}
