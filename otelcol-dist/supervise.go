package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.opentelemetry.io/collector/otelcol"
)

// exitCode is the process's: documented in the README.
type exitCode int

const (
	exitClean  exitCode = 0
	exitFailed exitCode = 1
	// exitMisused is of the sub-command test: nothing can be said of the rules.
	exitMisused exitCode = 2
	// exitForced is a stop that was cut short by the deadline or by a second signal.
	exitForced exitCode = 3
)

const (
	// shutdownDeadline bounds a graceful stop. It lies inside Kubernetes' default grace period of 30 s, so that the
	// process ends by itself and says what it left behind.
	shutdownDeadline = 25 * time.Second
	// cancelGrace is how long components may take to return once their context is cancelled.
	cancelGrace = time.Second
	// repeatWindow is how long after the first signal another one counts as the same: a supervisor may signal both the
	// process and its group.
	repeatWindow = time.Second
	// statePoll is how often the watchdog looks at the collector's state; each look wakes an idle process.
	statePoll = time.Second
)

var (
	errForced = errors.New("stopped by force; data still in flight is lost")
	errFailed = errors.New("a component failed, see the log")
)

// collector is what supervise needs of *otelcol.Collector.
type collector interface {
	Run(ctx context.Context) error
	Shutdown()
	GetState() otelcol.State
}

// supervise runs col until it ends by itself or a signal arrives on stop. The first signal asks it to shut down
// gracefully; a second one, or the deadline, cancels the context that every component's Shutdown holds, and what
// still hangs cancelGrace later is left to die with the process. The same deadline bounds a stop that nobody asked
// for: a reload, or a component that failed.
//
// The context must not be cancelled before the collector is closing: it would then hand its components a background
// context that nothing can cancel.
func supervise(ctx context.Context, col collector, stop <-chan os.Signal, log io.Writer) (exitCode, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- col.Run(ctx) }()
	select {
	case err := <-done:
		return endedUnasked(err)
	case <-stuckClosing(ctx, col):
		_, _ = fmt.Fprintf(log, "sluice: the old configuration or a failed one did not stop within %v: ending the process\n", shutdownDeadline)
		return force(cancel, done)
	case <-stop:
	}

	go col.Shutdown()
	repeats := time.After(repeatWindow)
	deadline := time.After(shutdownDeadline)
	var again <-chan os.Signal
	for {
		select {
		case err := <-done:
			return ended(err)
		case <-repeats:
			again = drained(stop)
		case sig := <-again:
			_, _ = fmt.Fprintf(log, "sluice: second signal (%v): stopping now\n", sig)
			return force(cancel, done)
		case <-deadline:
			_, _ = fmt.Fprintf(log, "sluice: shutdown did not finish within %v: stopping now\n", shutdownDeadline)
			return force(cancel, done)
		}
	}
}

// drained is stop without what it holds now.
func drained(stop <-chan os.Signal) <-chan os.Signal {
	for {
		select {
		case <-stop:
		default:
			return stop
		}
	}
}

// stuckClosing delivers once col has been closing for shutdownDeadline without a break.
func stuckClosing(ctx context.Context, col collector) <-chan struct{} {
	stuck := make(chan struct{})
	go func() {
		poll := time.NewTicker(statePoll)
		defer poll.Stop()
		for since := time.Now(); time.Since(since) < shutdownDeadline; {
			select {
			case <-ctx.Done():
				return
			case <-poll.C:
			}
			if col.GetState() != otelcol.StateClosing {
				since = time.Now()
			}
		}
		close(stuck)
	}()
	return stuck
}

// force cancels what runs and gives it cancelGrace to return.
func force(cancel context.CancelFunc, done <-chan error) (exitCode, error) {
	cancel()
	select {
	case err := <-done:
		return exitForced, errors.Join(errForced, err)
	case <-time.After(cancelGrace):
		return exitForced, errForced
	}
}

func ended(err error) (exitCode, error) {
	if err != nil {
		return exitFailed, err
	}
	return exitClean, nil
}

// endedUnasked is the end of a collector that nobody stopped. It returns no error where a component reported a fatal
// one: that is in its log only.
func endedUnasked(err error) (exitCode, error) {
	if err == nil {
		err = errFailed
	}
	return exitFailed, err
}
