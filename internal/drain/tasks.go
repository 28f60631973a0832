package drain

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Shutdowner is what can be shut down.
type Shutdowner interface {
	Shutdown(ctx context.Context) error
}

// Task is work at the end. Its context ends when the task has no more time.
type Task func(ctx context.Context) error

type taskKind int

const (
	flushTask taskKind = iota
	shutdowner
	cleanupTask
	taskKinds
)

type namedTask struct {
	name string
	run  Task
}

// tasks are what others want done at the end, each of them once.
type tasks struct {
	mu   sync.Mutex
	todo [taskKinds][]namedTask
}

func (t *tasks) add(kind taskKind, name string, run Task) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.todo[kind] = append(t.todo[kind], namedTask{name, run})
}

// take hands over the tasks of a kind. Shutdowners are taken in reverse, as what came last may need what came first.
func (t *tasks) take(kind taskKind) []namedTask {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := t.todo[kind]
	t.todo[kind] = nil
	if kind == shutdowner {
		slices.Reverse(taken)
	}
	return taken
}

// Register has s shut down after the pipelines have stopped, in the reverse order of registration.
func (r *Run) Register(name string, s Shutdowner) { r.tasks.add(shutdowner, name, s.Shutdown) }

// AddFlushTask has task run before the receivers stop.
func (r *Run) AddFlushTask(name string, task Task) { r.tasks.add(flushTask, name, task) }

// AddCleanupTask has task run last.
func (r *Run) AddCleanupTask(name string, task Task) { r.tasks.add(cleanupTask, name, task) }

// runTasks runs tasks one after the other. One that fails, panics or hangs does not keep the others from running.
func (r *Run) runTasks(ctx context.Context, phase string, todo []namedTask) {
	if len(todo) == 0 {
		return
	}
	r.phase(phase, func() {
		for _, t := range todo {
			r.fail(phase+" "+t.name, r.runTask(ctx, t))
		}
	})
}

func (r *Run) fail(what string, err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.errors = append(r.mu.errors, what+": "+err.Error())
}

// runTask does not wait for a task that is out of time, nor when the process is in a hurry.
func (r *Run) runTask(ctx context.Context, t namedTask) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, r.taskLimit())
	done := make(chan error, 1)
	go func() {
		defer cancel()
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("panic: %v", p)
			}
		}()
		done <- t.run(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	case <-r.process.hurry:
		cancel()
	}
	select {
	case err := <-done:
		return err
	case <-time.After(lastChance):
		return fmt.Errorf("did not end within %v and is left behind", time.Since(began).Round(time.Millisecond))
	}
}

// lastChance is how long a task that is out of time may take to notice it.
const lastChance = 100 * time.Millisecond

func (r *Run) taskLimit() time.Duration {
	if c := r.set.Limits.Component; c > 0 {
		return min(c, r.set.Limits.Timeout)
	}
	return r.set.Limits.Timeout
}
