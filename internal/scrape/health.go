package scrape

import (
	"sync"
	"time"

	"go.uber.org/zap"
)

// health is what the last scrape has told of a target.
type health struct {
	mu       sync.Mutex
	at       time.Time
	duration time.Duration
	err      error
	outcome  Outcome
	series   int
}

// report notes how a scrape went. It is logged when that is news: a target that is down for long would fill the log.
func (l *loop) report(at time.Time, duration time.Duration, outcome Outcome, err error) {
	h := &l.health
	h.mu.Lock()
	before := h.outcome
	h.at, h.duration, h.outcome, h.err, h.series = at, duration, outcome, err, l.cache.Len()
	h.mu.Unlock()
	switch {
	case err != nil && outcome != before:
		l.log.Warn("scraping failed", zap.String("outcome", string(outcome)), zap.Error(err))
	case err != nil:
		l.log.Debug("scraping failed again", zap.Error(err))
	case before != "" && before != OK && before != Refused:
		l.log.Info("scraping works again")
	}
}
