package drain

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component/componentstatus"
)

// Settings are what a configuration says of its end.
type Settings struct {
	Limits Limits
	// Phases is whether there are a lame duck and limits for single components. Without them the collector stops as it
	// would by itself, within the timeout.
	Phases bool
	// Flush is whether flush tasks run.
	Flush bool
	// Tracking is whether points are counted.
	Tracking bool
	// Emit delivers the report; it is called once.
	Emit func(*Report)
	// Warn tells of a component that does not stop, while it does not.
	Warn func(component string, after time.Duration)
}

// State is where a configuration stands in its life. It only moves forward.
type State int32

// The states, in the order of a life.
const (
	Starting State = iota
	Ready
	Stopping
)

func (s State) String() string { return [...]string{"starting", "ready", "stopping"}[s] }

// Run is the life of one configuration. Safe for concurrent use.
type Run struct {
	process *Process
	set     Settings
	tracker tracker
	tasks   tasks

	mu struct {
		sync.Mutex
		readyAt, stoppedAt time.Time
		phases             []Phase
		errors             []string
	}
}

// State is Stopping as soon as the process is to end, before the collector gets there.
func (r *Run) State() State {
	_, begun := r.process.Begun()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case begun || !r.mu.stoppedAt.IsZero():
		return Stopping
	case r.mu.readyAt.IsZero():
		return Starting
	default:
		return Ready
	}
}

// Ready tells that all pipelines run.
func (r *Run) Ready() {
	r.process.lives()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.readyAt = time.Now()
}

// NotReady tells that the pipelines are about to stop, and returns when they may: after the lame duck, if the process is
// to end and clients knew it as ready, and the flush tasks.
func (r *Run) NotReady() {
	r.mu.Lock()
	r.mu.stoppedAt = time.Now()
	readyAt := r.mu.readyAt
	r.mu.Unlock()
	began, begun := r.process.Begun()
	if begun && r.set.Phases && r.set.Limits.Delay > 0 && !readyAt.IsZero() && readyAt.Before(began) {
		r.phase("lame_duck", func() { r.process.waitUntil(began.Add(r.set.Limits.Delay)) })
	}
	if r.set.Flush {
		r.runTasks(context.Background(), "flush", r.tasks.take(flushTask))
	}
}

func (p *Process) waitUntil(t time.Time) {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.hurry:
	}
}

// Observe takes a change of a component's status. It does not block.
func (r *Run) Observe(source *componentstatus.InstanceID, event *componentstatus.Event) {
	r.tracker.observe(source, event)
}

// Close ends the life: what was registered is shut down, the youngest first, and the cleanup tasks run, for as long as
// ctx allows. The pipelines have stopped.
func (r *Run) Close(ctx context.Context) {
	r.runTasks(ctx, "shutdowners", r.tasks.take(shutdowner))
	r.runTasks(ctx, "cleanup", r.tasks.take(cleanupTask))
	r.tracker.stop()
}

// phase times what f does. What takes no time is no phase.
func (r *Run) phase(name string, f func()) {
	began := time.Now()
	f()
	if took := time.Since(began); took > 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.mu.phases = append(r.mu.phases, Phase{Name: name, began: began, Seconds: took.Seconds()})
	}
}
