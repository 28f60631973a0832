package breaker

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// model keeps all that ever happened, and counts nothing: it looks it up.
type model struct {
	cfg    Config
	now    time.Time
	random float64
	// eras are all states it was in, the last is that of now. answers are those that counted.
	eras    []*modelEra
	answers []rune
}

type modelEra struct {
	state State
	until time.Time
	calls []*modelCall
}

// modelCall is one that was let through; answer is 0 while it is under way.
type modelCall struct {
	ticket Ticket
	era    *modelEra
	answer rune
}

func (e *modelEra) count(answer rune) (n int) {
	for _, c := range e.calls {
		if c.answer == answer {
			n++
		}
	}
	return n
}

func (m *model) last() *modelEra { return m.eras[len(m.eras)-1] }

func (m *model) enter(s State, until time.Time) {
	m.eras = append(m.eras, &modelEra{state: s, until: until})
}

func (m *model) failures() (n int) {
	for _, a := range slices.Backward(m.answers) {
		if a != 'f' {
			break
		}
		n++
	}
	return n
}

func (m *model) status() Status {
	e := m.last()
	switch {
	case e.state != Open:
		return Status{State: e.state, Failures: m.failures()}
	case m.now.Before(e.until):
		return Status{Open, e.until, m.failures()}
	default:
		return Status{State: HalfOpen, Failures: m.failures()}
	}
}

// allow returns nil if the call is refused.
func (m *model) allow() *modelCall {
	state := m.status().State
	if state == Open {
		return nil
	}
	if state != m.last().state {
		m.enter(HalfOpen, time.Time{})
	}
	e := m.last()
	if state == HalfOpen && e.count(0) == m.cfg.Probes {
		return nil
	}
	c := &modelCall{era: e}
	e.calls = append(e.calls, c)
	return c
}

func (m *model) success(c *modelCall) bool {
	c.answer = 's'
	if c.era != m.last() {
		return false
	}
	m.answers = append(m.answers, 's')
	if c.era.state == Closed || c.era.count('s') < m.cfg.Probes {
		return false
	}
	m.enter(Closed, time.Time{})
	return true
}

func (m *model) failure(c *modelCall, retry time.Duration) bool {
	c.answer = 'f'
	if c.era != m.last() {
		return false
	}
	m.answers = append(m.answers, 'f')
	if c.era.state == Closed && retry == 0 && m.failures() < m.cfg.Threshold {
		return false
	}
	m.enter(Open, m.now.Add(m.openTime(retry)))
	return true
}

func (m *model) openTime(retry time.Duration) time.Duration {
	times := 0
	for i := len(m.eras) - 1; m.eras[i].state != Closed; i-- {
		if m.eras[i].state == Open {
			times++
		}
	}
	s := m.cfg.Timeout.Seconds() * math.Pow(2, float64(times))
	s = math.Min(math.Max(s, retry.Seconds()), m.cfg.MaxTimeout.Seconds())
	return time.Duration(s * (1 + m.cfg.Jitter*m.random) * float64(time.Second))
}

// machine does the same to a breaker and to the model. Times are whole seconds and shares are eighths, so that numbers are
// exact.
type machine struct {
	model

	breaker *Breaker
	under   []*modelCall
}

func newMachine(t *rapid.T) *machine {
	seconds := func(from, to int, label string) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, label)) * time.Second
	}
	m := &machine{model: model{now: start}}
	m.cfg = Config{
		Threshold:  rapid.IntRange(1, 4).Draw(t, "threshold"),
		Timeout:    seconds(1, 8, "timeout"),
		MaxTimeout: seconds(1, 60, "maxTimeout"),
		Probes:     rapid.IntRange(1, 3).Draw(t, "probes"),
		Jitter:     float64(rapid.IntRange(0, 8).Draw(t, "jitter")) / 8,
		Random:     func() float64 { return m.random },
	}
	m.breaker = New(m.cfg)
	m.enter(Closed, time.Time{})
	return m
}

func (m *machine) Check(t *rapid.T) {
	if got, want := m.breaker.Status(m.now), m.status(); got != want {
		t.Fatalf("status %+v, want %+v", got, want)
	}
}

func (m *machine) Allow(t *rapid.T) {
	c := m.allow()
	ticket, ok := m.breaker.Allow(m.now)
	if ok != (c != nil) {
		t.Fatalf("allowed: %v, want %v", ok, !ok)
	}
	if c != nil {
		c.ticket = ticket
		m.under = append(m.under, c)
	}
}

func (m *machine) Success(t *rapid.T) {
	c := m.end(t)
	m.agree(t, c.ticket.Success(), m.success(c))
}

func (m *machine) Failure(t *rapid.T) { m.fail(t, 0) }

func (m *machine) RetryAfter(t *rapid.T) {
	m.fail(t, time.Duration(rapid.IntRange(1, 90).Draw(t, "retryAfter"))*time.Second)
}

func (m *machine) Cancel(t *rapid.T) {
	c := m.end(t)
	c.answer = 'c'
	c.ticket.Cancel()
}

func (m *machine) Later(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "later")) * time.Second)
}

// Patience waits for just the end of the open time, or for just not.
func (m *machine) Patience(t *rapid.T) {
	until := m.status().Until
	if until.IsZero() {
		t.Skip("it is not open")
	}
	m.now = until
	if rapid.Bool().Draw(t, "early") {
		m.now = until.Add(-1)
	}
}

// end chooses the call that ends: often the last, so that states change, else one of long ago.
func (m *machine) end(t *rapid.T) *modelCall {
	if len(m.under) == 0 {
		t.Skip("no call is under way")
	}
	i := len(m.under) - 1
	if rapid.Bool().Draw(t, "any") {
		i = rapid.IntRange(0, i).Draw(t, "call")
	}
	c := m.under[i]
	m.under = slices.Delete(m.under, i, i+1)
	return c
}

func (m *machine) fail(t *rapid.T, retry time.Duration) {
	c := m.end(t)
	m.random = float64(rapid.IntRange(0, 7).Draw(t, "random")) / 8
	m.agree(t, c.ticket.Failure(m.now, retry), m.failure(c, retry))
}

func (*machine) agree(t *rapid.T, got, want bool) {
	if got != want {
		t.Fatalf("changed: %v, want %v", got, want)
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { t.Repeat(rapid.StateMachineActions(newMachine(t))) })
}
