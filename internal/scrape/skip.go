package scrape

import (
	"sync"
	"time"

	"go.uber.org/zap"
)

// Skip is why a target was not scraped when it had its turn.
type Skip string

// The reasons.
const (
	SkipRateLimit   Skip = "rate_limit"
	SkipConcurrency Skip = "max_concurrency"
	SkipBreaker     Skip = "circuit_breaker"
	SkipPressure    Skip = "backpressure"
	SkipBudget      Skip = "sample_budget"

	scrapeNow Skip = ""
)

// Skipped tells of a turn without a scrape.
type Skipped struct {
	Job    string
	Reason Skip
	// Samples are those of the target's last page: what the reason has cost.
	Samples int
}

// skip lets a turn pass. Nothing is known of the target that was not known before: `up` is repeated, so that an alert on
// it neither begins nor ends, and nothing gets a staleness marker.
func (l *loop) skip(at time.Time, why Skip) {
	at = l.later(at)
	if up, known := l.health.skipped(why); known {
		if err := l.shared.Consume(l.shared.deliver, l.cache.Repeat(at, up)); err != nil {
			l.log.Debug("the repetition of up was refused", zap.Error(err))
		}
	}
	s := Skipped{Job: l.job, Reason: why, Samples: l.samples}
	l.shared.skipLog.add(l.shared.Logger, at, s)
	if l.shared.Observer.Skipped != nil {
		l.shared.Observer.Skipped(l.shared.deliver, s)
	}
}

// skipLog logs skips, of which there may be thousands a second, once a minute by job and reason.
type skipLog struct {
	mu     sync.Mutex
	counts map[Skipped]*skipCount
}

type skipCount struct {
	since time.Time
	turns int
}

const skipLogEvery = time.Minute

func (s *skipLog) add(log *zap.Logger, now time.Time, what Skipped) {
	what.Samples = 0
	turns := s.count(now, what)
	if turns > 0 {
		log.Warn("targets are not scraped when they have their turn", zap.String("job", what.Job),
			zap.String("reason", string(what.Reason)), zap.Int("turns", turns))
	}
}

// count returns what is to be logged: how many there were since the last line, 0 if it is too soon for another.
func (s *skipLog) count(now time.Time, what Skipped) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[Skipped]*skipCount{}
	}
	c := s.counts[what]
	if c == nil {
		c = &skipCount{}
		s.counts[what] = c
	}
	c.turns++
	if now.Sub(c.since) < skipLogEvery {
		return 0
	}
	turns := c.turns
	c.since, c.turns = now, 0
	return turns
}

// forget drops the counts of a job that is gone.
func (s *skipLog) forget(job string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for what := range s.counts {
		if what.Job == job {
			delete(s.counts, what)
		}
	}
}
