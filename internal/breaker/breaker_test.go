package breaker

import (
	"math"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var start = time.Unix(1_000_000, 0)

// patient is what most tests use: without jitter, so that times are exact.
var patient = Config{Threshold: 3, Timeout: 10 * time.Second, MaxTimeout: time.Minute, Probes: 1}

func with(change func(*Config)) Config {
	cfg := patient
	change(&cfg)
	return cfg
}

// play is a breaker to which the words of a script happen:
//
//	s f f9s c        a call that goes well, fails, fails and asks for 9s, is cancelled
//	a                a call that stays under way; S F F9s C is how the oldest of these ends
//	x                a call that is refused
//	+10s             time passes
//	closed open half_open until=10s failures=3   is what the status must tell then
type play struct {
	b     *Breaker
	now   time.Time
	under []Ticket
}

func (p *play) run(t *testing.T, script string) {
	t.Helper()
	for i, word := range strings.Fields(script) {
		p.word(t, word, word+" is word "+strconv.Itoa(i+1)+" of: "+script)
	}
}

func (p *play) word(t *testing.T, word, where string) {
	t.Helper()
	status := p.b.Status(p.now)
	name, value, _ := strings.Cut(word, "=")
	switch {
	case name == "closed", name == "open", name == "half_open":
		require.Equal(t, name, status.State.String(), where)
	case name == "until":
		require.Equal(t, value, status.Until.Sub(start).String(), where)
	case name == "failures":
		require.Equal(t, value, strconv.Itoa(status.Failures), where)
	case word[0] == '+':
		p.now = p.now.Add(duration(t, word[1:]))
	case word == "x":
		ticket, ok := p.b.Allow(p.now)
		require.False(t, ok, where)
		require.Zero(t, ticket, where)
	case word == "a":
		p.allow(t, where)
	default:
		p.answer(t, word, where)
	}
}

func (p *play) allow(t *testing.T, where string) {
	t.Helper()
	ticket, ok := p.b.Allow(p.now)
	require.True(t, ok, where)
	p.under = append(p.under, ticket)
}

// answer ends a call. What it says of a change must be what the status shows.
func (p *play) answer(t *testing.T, word, where string) {
	t.Helper()
	at := 0
	if strings.ContainsAny(word[:1], "sfc") {
		at = len(p.under)
		p.allow(t, where)
	}
	ticket := p.under[at]
	p.under = append(p.under[:at:at], p.under[at+1:]...)
	before, changed := p.b.Status(p.now).State, false
	switch word[0] {
	case 's', 'S':
		changed = ticket.Success()
	case 'f', 'F':
		changed = ticket.Failure(p.now, duration(t, word[1:]))
	case 'c', 'C':
		ticket.Cancel()
	default:
		t.Fatalf("no such word: %s", where)
	}
	require.Equal(t, before != p.b.Status(p.now).State, changed, where)
}

func duration(t *testing.T, s string) time.Duration {
	t.Helper()
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	require.NoError(t, err)
	return d
}

func TestTransitions(t *testing.T) {
	three := with(func(c *Config) { c.Probes = 3 })
	for _, tc := range []struct {
		name   string
		cfg    Config
		script string
	}{
		{"new", patient, "closed failures=0 s s closed"},
		{"opens at the threshold", patient, "f f closed failures=2 f open failures=3 until=10s x"},
		{"opens at a threshold of one", with(func(c *Config) { c.Threshold = 1 }), "f open x"},
		{"in a row only", patient, "f f s failures=0 f f closed f open"},
		{"cancelled calls say nothing", patient, "f f c c failures=2 closed f open"},
		{"calls at one time fail in a row, too", patient, "a a a a F F closed F open C open failures=3"},

		{"is open for its time", patient, "f f f +9999ms open x +1ms half_open s closed"},
		{"is half-open long after", patient, "f f f +1h half_open s closed"},
		{"Until is of open ones only", patient, "f f f +10s half_open until=" + zeroUntil + " a half_open until=" + zeroUntil},

		{"Retry-After opens at once", patient, "f20s open failures=1 until=20s +19999ms x +1ms s closed"},
		{"Retry-After does not shorten", patient, "f1s open until=10s"},
		{"Retry-After is bounded", patient, "f24h open until=1m0s +1m half_open"},
		{"Retry-After of a probe", patient, "f f f +10s f45s open until=55s"},
		{"Retry-After of a probe does not shorten", patient, "f f f +10s f15s open until=30s"},
		{"Retry-After of a probe is bounded", patient, "f f f +10s f24h open until=1m10s"},
		{"a negative Retry-After is none", patient, "f-5s closed failures=1 f f open until=10s"},

		{
			"doubles, bounded", patient,
			"f f f until=10s +10s f until=30s +20s f until=1m10s +40s f until=2m10s +1m f until=3m10s failures=7 +1m f until=4m10s",
		},
		{"closing resets the doubling", patient, "f f f +10s f +20s s closed failures=0 f f closed f until=40s"},
		{"a timeout beyond the bound", with(func(c *Config) { c.Timeout = time.Hour }), "f f f until=1m0s +1m f until=2m0s"},
		{"doubling ends at the bound", with(func(c *Config) { c.MaxTimeout = 15 * time.Second }), "f f f +10s f until=25s"},

		{"so many probes at one time", three, "f f f +10s a a a x half_open S half_open a x S half_open S closed"},
		{"so many probes one by one", three, "f f f +10s s half_open s half_open s closed"},
		{"one failed probe opens", three, "f f f +10s s s f open until=30s +20s s s half_open s closed"},
		{"successes count anew", three, "f f f +10s s s f +20s s half_open"},
		{"a success ends the row, not the doubling", three, "f f f +10s s failures=0 half_open f failures=1 until=30s"},
		{"cancelled probes give the place back", three, "f f f +10s a a a x C a x C C C c half_open s s s closed"},
		{"cancelled probes are no success", patient, "f f f +10s c half_open c half_open a x C s closed"},
		{"cancelled probes do not prolong", patient, "f f f +10s c half_open until=" + zeroUntil + " f until=30s"},

		{"late failures while open", patient, "a a a f f f +5s F open until=10s failures=3 F1h until=10s +5s half_open F half_open s closed"},
		{"late failures while half-open", three, "a a f f f +10s a F half_open F50s half_open failures=3 S s s closed"},
		{"late successes while open", patient, "a f f f S open failures=3 until=10s"},
		{"late successes while half-open", patient, "a a f f f S +10s S half_open failures=3 f open"},
		{"late cancellations while half-open", patient, "a a f f f C +10s half_open a x"},
		{"a late cancellation frees no place", patient, "a f f f +10s a C x S closed"},
		{"late failures after closing", patient, "a a a f f f +10s s closed F F F closed failures=0 s"},
		{"late successes after closing", patient, "a f f f +10s s f f S failures=2 f open"},
		{"late probes while open", three, "f f f +10s a a a F open until=30s F1m S open until=30s failures=4 +20s half_open a a a x"},
		{"late probes of an earlier time half-open", three, "f f f +10s a a f +20s half_open a a a S x F half_open x"},
		{"late probes after closing", with(func(c *Config) { c.Probes = 2 }), "f f f +10s a a S a S closed F closed failures=0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &play{b: New(tc.cfg), now: start}
			p.run(t, tc.script)
		})
	}
}

// zeroUntil is how a script writes the zero time.
var zeroUntil = time.Time{}.Sub(start).String()

func TestStates(t *testing.T) {
	assert.Equal(t, "closed", Closed.String())
	assert.Equal(t, "half_open", HalfOpen.String())
	assert.Equal(t, "open", Open.String())
	assert.Equal(t, "unknown", State(9).String())
}

func TestTheZeroUntilIsZero(t *testing.T) {
	b := New(patient)
	assert.True(t, b.Status(start).Until.IsZero())
	ticket, _ := b.Allow(start)
	assert.True(t, ticket.Failure(start, time.Second))
	assert.Equal(t, Status{Open, start.Add(10 * time.Second), 1}, b.Status(start))
	assert.Equal(t, Status{State: HalfOpen, Failures: 1}, b.Status(start.Add(10*time.Second)))
}

func TestTheZeroTicket(t *testing.T) {
	var ticket Ticket
	assert.False(t, ticket.Success())
	assert.False(t, ticket.Failure(start, time.Hour))
	ticket.Cancel()
}

// TestARefusedTicket is that of who does not look at what Allow says.
func TestARefusedTicket(t *testing.T) {
	p := &play{b: New(patient), now: start}
	p.run(t, "f f f +10s a")
	refused, ok := p.b.Allow(p.now)
	require.False(t, ok)
	refused.Cancel()
	assert.False(t, refused.Success())
	assert.False(t, refused.Failure(p.now, time.Hour))
	p.run(t, "half_open x S closed")
}

func TestJitterOnlyLengthens(t *testing.T) {
	for _, tc := range []struct {
		jitter, random float64
		retry, want    time.Duration
	}{
		{0, 0.75, 0, 10 * time.Second},
		{0.5, 0, 0, 10 * time.Second},
		{0.5, 0.5, 0, 12500 * time.Millisecond},
		{1, 0.75, 0, 17500 * time.Millisecond},
		{1, 0.5, 20 * time.Second, 30 * time.Second},
		{1, 0.5, time.Hour, 90 * time.Second}, // the bound is before jitter
	} {
		b := New(with(func(c *Config) { c.Jitter, c.Random = tc.jitter, func() float64 { return tc.random } }))
		open(b, tc.retry)
		assert.Equal(t, tc.want, b.Status(start).Until.Sub(start), tc)
	}
}

func TestJitterDiffers(t *testing.T) {
	seen := map[time.Time]bool{}
	for range 100 {
		b := New(with(func(c *Config) { c.Jitter = 0.1 }))
		open(b, 0)
		until := b.Status(start).Until
		seen[until] = true
		assert.False(t, until.Before(start.Add(10*time.Second)))
		assert.True(t, until.Before(start.Add(11*time.Second)))
	}
	assert.Greater(t, len(seen), 90)
}

// open lets calls fail until the breaker opens.
func open(b *Breaker, retry time.Duration) {
	for {
		if ticket, _ := b.Allow(start); ticket.Failure(start, retry) {
			return
		}
	}
}

// TestNeverMoreProbes lets many callers try while calls of an earlier time end, which free no place.
func TestNeverMoreProbes(t *testing.T) {
	const probes, callers, calls = 3, 16, 2000
	b := New(with(func(c *Config) { c.Probes = probes }))
	late := tickets(t, b, callers*calls)
	open(b, 0)
	now := start.Add(10 * time.Second)
	var under, most atomic.Int64
	var wg sync.WaitGroup
	for i := range callers {
		late := late[i*calls : (i+1)*calls]
		wg.Go(func() {
			for _, l := range late {
				endLate(l, now, int(l.era)+i)
				ticket, ok := b.Allow(now)
				if !ok {
					runtime.Gosched()
					continue
				}
				raise(&most, under.Add(1))
				runtime.Gosched()
				under.Add(-1)
				ticket.Cancel()
			}
		})
	}
	wg.Wait()
	assert.LessOrEqual(t, most.Load(), int64(probes))
	assert.Equal(t, Status{State: HalfOpen, Failures: 3}, b.Status(now))
	p := &play{b: b, now: now}
	p.run(t, "a a a x S S S closed")
}

func tickets(t *testing.T, b *Breaker, n int) []Ticket {
	t.Helper()
	all := make([]Ticket, n)
	for i := range all {
		var ok bool
		all[i], ok = b.Allow(start)
		require.True(t, ok)
	}
	return all
}

func endLate(l Ticket, now time.Time, how int) {
	switch how % 3 {
	case 0:
		l.Success()
	case 1:
		l.Failure(now, time.Hour)
	default:
		l.Cancel()
	}
}

func raise(most *atomic.Int64, n int64) {
	for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
	}
}

// TestEachChangeIsReportedOnce lets callers do anything at one time. Who opens and who closes are told so in turn.
func TestEachChangeIsReportedOnce(t *testing.T) {
	const callers, calls = 8, 5000
	b := New(with(func(c *Config) { c.Probes, c.MaxTimeout = 2, 10*time.Second }))
	var clock, opened, reopened, closed atomic.Int64
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for n := range calls {
				now := start.Add(time.Duration(clock.Add(int64(100 * time.Millisecond))))
				ticket, ok := b.Allow(now)
				runtime.Gosched()
				_ = b.Status(now)
				switch {
				case !ok:
				case (n/64+i/4)%2 == 0:
					if ticket.Failure(now, 0) {
						opened.Add(1)
					}
				case n%7 == 0:
					ticket.Cancel()
				case ticket.Success():
					closed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	// An era begins with each change: open and half-open come in pairs, apart from an end that is open.
	b.mu.Lock()
	defer b.mu.Unlock()
	reopened.Store(opened.Load() - closed.Load())
	halfOpened := int64(b.era) - opened.Load() - closed.Load()
	assert.Contains(t, []int64{opened.Load(), opened.Load() - 1}, halfOpened)
	assert.Equal(t, b.state == Open, halfOpened < opened.Load())
	assert.Positive(t, closed.Load())
	assert.GreaterOrEqual(t, reopened.Load(), int64(0))
	assert.GreaterOrEqual(t, b.under, 0)
	assert.LessOrEqual(t, b.under, b.cfg.Probes)
}

func TestItTakesNoMemory(t *testing.T) {
	b := New(patient)
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		ticket, ok := b.Allow(start)
		if !ok || ticket.Success() {
			t.Error("it is not closed")
		}
	}))
	open(b, 0)
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		if _, ok := b.Allow(start); ok {
			t.Error("it is not open")
		}
	}))
}

// TestLongOutages fail more often than a duration can double.
func TestLongOutages(t *testing.T) {
	b := New(with(func(c *Config) { c.Timeout, c.Threshold = time.Nanosecond, 1 }))
	now := start
	for range 200 {
		ticket, ok := b.Allow(now)
		require.True(t, ok)
		require.True(t, ticket.Failure(now, 0))
		until := b.Status(now).Until
		require.True(t, until.After(now))
		require.LessOrEqual(t, until.Sub(now), time.Minute)
		now = until
	}
	assert.Equal(t, time.Minute, b.openTime(0))
	assert.Equal(t, time.Minute, b.openTime(math.MaxInt64))
}

func TestTheFirstProbeIsTold(t *testing.T) {
	b := New(Config{Threshold: 1, Timeout: time.Second, MaxTimeout: time.Second, Probes: 2})
	closed, _ := b.Allow(start)
	assert.False(t, closed.IsFirstProbe())
	closed.Failure(start, 0)
	first, _ := b.Allow(start.Add(time.Second))
	second, _ := b.Allow(start.Add(time.Second))
	assert.True(t, first.IsFirstProbe())
	assert.False(t, second.IsFirstProbe())
}
