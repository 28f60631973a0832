package scrape

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	promscrape "github.com/prometheus/prometheus/scrape"
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
	return TargetState{
		Job: l.job, URL: l.redactedURL(), Labels: l.public, Discovered: redacted(l.discovered),
		Interval: l.interval, Timeout: l.timeout,
		LastScrape: h.at, LastDuration: h.duration, LastOutcome: h.outcome, LastError: h.err, Series: h.series,
	}
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

// Series returns how many series of the job's targets are held.
func (s JobState) Series() int {
	n := 0
	for _, t := range s.Targets {
		n += t.Series
	}
	return n
}
