package scrape

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	promscrape "github.com/prometheus/prometheus/scrape"

	"github.com/sluice-metrics/sluice/internal/breaker"
)

// TargetState is what is known of a target. What may be a secret is hidden: the values of parameters.
type TargetState struct {
	Job, URL string
	// Labels are those that its series get, Discovered those before relabelling.
	Labels, Discovered labels.Labels
	Interval, Timeout  time.Duration

	// LastScrape is zero before the first one.
	LastScrape   time.Time
	LastDuration time.Duration
	LastOutcome  Outcome
	LastError    error
	// Series is how many of its series are held.
	Series int

	// NextTurn is when it may be scraped next, Skipped why it was not at the last turn.
	NextTurn time.Time
	Skipped  Skip
	// Breaker is nil if there is none, Tokens are those of its own bucket, -1 if there is none.
	Breaker  *breaker.Status
	Tokens   float64
	Priority int
}

// JobState is what is known of a job.
type JobState struct {
	// Targets are those that are scraped, Dropped those that relabelling drops, as far as keep_dropped_targets keeps them,
	// by their labels before it.
	Targets []TargetState
	Dropped []labels.Labels
	// DroppedCount counts them all, OtherShard the targets that another shard scrapes.
	DroppedCount, OtherShard int
}

// State returns what is known of all jobs, by name. It may be called at any time, also after Shutdown.
func (m *Manager) State() map[string]JobState {
	m.mu.Lock()
	defer m.mu.Unlock()
	state := make(map[string]JobState, len(m.jobs))
	for name, j := range m.jobs {
		state[name] = j.state()
	}
	return state
}

func (j *job) state() JobState {
	s := JobState{DroppedCount: j.droppedCount, OtherShard: j.elsewhere}
	for _, l := range slices.SortedFunc(maps.Values(j.loops), func(a, b *loop) int { return labels.Compare(a.public, b.public) }) {
		s.Targets = append(s.Targets, l.state())
	}
	for _, lset := range j.dropped {
		s.Dropped = append(s.Dropped, redacted(lset))
	}
	return s
}

func (l *loop) state() TargetState {
	h := &l.health
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	s := TargetState{
		NextTurn: h.next, Skipped: h.skip, Tokens: -1, Priority: l.priority,
		Job: l.job, URL: l.redactedURL(), Labels: l.public, Discovered: redacted(l.discovered),
		Interval: l.interval, Timeout: l.timeout,
		LastScrape: h.at, LastDuration: h.duration, LastOutcome: h.outcome, LastError: h.err, Series: h.series,
	}
	if l.breaker != nil {
		status := l.breaker.Status(now)
		s.Breaker = &status
	}
	if l.bucket != nil {
		s.Tokens = l.bucket.TokensAt(now)
	}
	return s
}

// Health is the word of Prometheus for how the last scrape went.
func (t TargetState) Health() promscrape.TargetHealth {
	switch {
	case t.LastScrape.IsZero():
		return promscrape.HealthUnknown
	case t.LastError != nil:
		return promscrape.HealthBad
	default:
		return promscrape.HealthGood
	}
}

// JobCounts is JobState in numbers.
type JobCounts struct {
	Targets, Dropped, OtherShard int
	// Series are those that are held of all targets.
	Series int
	// Breakers counts targets by the state of their circuit breakers; it is nil if there are none.
	Breakers map[breaker.State]int
}

// Counts is State for those who only want numbers, and costs less.
func (m *Manager) Counts() map[string]JobCounts {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := make(map[string]JobCounts, len(m.jobs))
	for name, j := range m.jobs {
		counts[name] = j.counts()
	}
	return counts
}

func (j *job) counts() JobCounts {
	c := JobCounts{Targets: len(j.loops), Dropped: j.droppedCount, OtherShard: j.elsewhere}
	if j.gate.breaker != nil {
		c.Breakers = map[breaker.State]int{breaker.Closed: 0, breaker.HalfOpen: 0, breaker.Open: 0}
	}
	now := time.Now()
	for _, l := range j.loops {
		series, status := l.glance(now)
		c.Series += series
		if c.Breakers != nil {
			c.Breakers[status.State]++
		}
	}
	return c
}

func (l *loop) glance(now time.Time) (series int, s breaker.Status) {
	l.health.mu.Lock()
	defer l.health.mu.Unlock()
	if l.breaker != nil {
		s = l.breaker.Status(now)
	}
	return l.health.series, s
}

// Load is how busy a manager is.
type Load struct {
	// Running are scrapes under way, 0 if the manager has no bound for them. Waiting are those that wait for a place of the
	// manager or of their job.
	Running, Waiting int
	// Buffered are samples on their way into the pipeline, Fill is their share of the buffer, Stretch by how much intervals
	// are longer; 0 and 1 without backpressure.
	Buffered      int64
	Fill, Stretch float64
}

// Load may be called at any time.
func (m *Manager) Load() Load {
	l := Load{Fill: m.shared.pressure.fill(), Stretch: m.shared.pressure.stretch(time.Now())}
	l.Running, l.Waiting = m.shared.turnstile.Running(), m.shared.turnstile.Waiting()+m.shared.bucket.inLine(nil)
	m.mu.Lock()
	for _, j := range m.jobs {
		l.Waiting += j.gate.own.Waiting() + j.gate.job.inLine(m.shared.bucket)
	}
	m.mu.Unlock()
	if p := m.shared.pressure; p != nil {
		l.Buffered = p.used.Load()
	}
	return l
}
