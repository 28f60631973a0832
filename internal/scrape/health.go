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
	// next is when the target has its turn, skip why it was not scraped at the last one.
	next time.Time
	skip Skip
}

// plan notes when the next turn is.
func (h *health) plan(next time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next = next
}

// skipped notes why a turn passed, and returns the last `up`, if there was any.
func (h *health) skipped(why Skip) (up, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.skip = why
	return h.err == nil, h.outcome != ""
}

// inherit takes over what was told of the target before.
func (h *health) inherit(before *health) {
	before.mu.Lock()
	defer before.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at, h.duration, h.err, h.outcome, h.series = before.at, before.duration, before.err, before.outcome, before.series
}

// report notes how a scrape went. It is logged when that is news: a target that is down for long would fill the log.
func (l *loop) report(at time.Time, duration time.Duration, outcome Outcome, err error) {
	h := &l.health
	h.mu.Lock()
	before := h.outcome
	h.at, h.duration, h.outcome, h.err, h.series, h.skip = at, duration, outcome, err, l.cache.Len(), scrapeNow
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
