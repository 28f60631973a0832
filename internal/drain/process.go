package drain

import (
	"sync"
	"time"

	"github.com/sluice-metrics/sluice/internal/ledger"
)

// Limits are how long a stop may take.
type Limits struct {
	// Delay is how long data is still taken after readiness was withdrawn.
	Delay time.Duration
	// Timeout bounds the stop after that.
	Timeout time.Duration
	// Component bounds the stop of one component, and one task; 0 is no bound of its own.
	Component time.Duration
}

// Whole is how long the process may live after it was told to stop.
func (l Limits) Whole() time.Duration { return l.Delay + l.Timeout }

// Process is the end of a process, over all configurations that it runs. Safe for concurrent use.
type Process struct {
	books    *ledger.Ledger
	fallback Limits
	hurry    chan struct{}
	once     sync.Once

	mu struct {
		sync.Mutex
		began  time.Time
		reason string
		doomed ledger.Count
		run    *Run
		lived  bool // some configuration was ready
	}
}

// NewProcess returns a process whose points are booked in books, nil if nobody counts them. fallback are the limits of
// a configuration that says nothing.
func NewProcess(books *ledger.Ledger, fallback Limits) *Process {
	return &Process{books: books, fallback: fallback, hurry: make(chan struct{})}
}

// Begin tells that the process is to end, and why. The first call counts.
func (p *Process) Begin(reason string) {
	books := p.books.Books()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.began.IsZero() {
		p.mu.began, p.mu.reason, p.mu.doomed = time.Now(), reason, books.Doomed()
	}
}

// Begun tells when Begin was called, and whether.
func (p *Process) Begun() (at time.Time, begun bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.began, !p.mu.began.IsZero()
}

// Hurry ends what is waited for without need.
func (p *Process) Hurry() { p.once.Do(func() { close(p.hurry) }) }

// Limits are those of the present configuration.
func (p *Process) Limits() Limits {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.run == nil {
		return p.fallback
	}
	return p.mu.run.set.Limits
}

// NewRun returns the life of a configuration, which begins when it is attached.
func (p *Process) NewRun(set Settings) *Run {
	r := &Run{process: p, set: set}
	r.tracker.warn, r.tracker.limit = set.Warn, set.Limits.Component
	return r
}

// Attach begins the life of a configuration, before its pipelines start. It takes over from the one before.
func (p *Process) Attach(r *Run) {
	if p.books != nil {
		p.books.Count(r.set.Tracking)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.run = r
}

// Books are the books of the whole process.
func (p *Process) Books() ledger.Books { return p.books.Books() }

// Report is what can be said of the end of the process now; false if there is nothing to be said, because no configuration
// has a Run, or because the process could not start.
func (p *Process) Report() (Report, bool) {
	p.mu.Lock()
	run, worthIt := p.mu.run, p.mu.lived || !p.mu.began.IsZero()
	p.mu.Unlock()
	if run == nil || !worthIt {
		return Report{}, false
	}
	return run.report(), true
}

func (p *Process) lives() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.lived = true
}

// Emit hands a report to where the present configuration wants it, and waits for that no longer than patience.
func (p *Process) Emit(r *Report, patience time.Duration) {
	p.mu.Lock()
	run := p.mu.run
	p.mu.Unlock()
	if run == nil || run.set.Emit == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		run.set.Emit(r)
	}()
	select {
	case <-done:
	case <-time.After(patience):
	}
}
