package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.opentelemetry.io/collector/otelcol"

	"github.com/sluice-metrics/sluice/internal/drain"
)

const (
	// shutdownTimeout bounds a graceful stop where no drain extension says otherwise. It lies inside Kubernetes' default
	// grace period of 30 s, so that the process ends by itself and says what it left behind.
	shutdownTimeout = 25 * time.Second
	// cancelGrace is how long components may take to return once their context is cancelled, and forcedEnd how long they
	// and the writing of the report may take together: the process is gone within a second after the deadline. One that
	// is in time has calmReport for its report, but no more than is left, and not less than hastyReport.
	cancelGrace = 400 * time.Millisecond
	forcedEnd   = 800 * time.Millisecond
	hastyReport = forcedEnd - cancelGrace
	calmReport  = 5 * time.Second
	// repeatWindow is how long after the first signal another one counts as the same: a supervisor may signal both the
	// process and its group.
	repeatWindow = time.Second
	// statePoll is how often the watchdog looks at the collector's state; each look wakes an idle process. With cancelGrace
	// it is less than a second, so that a reload that hangs ends as soon after its time-out as a shutdown.
	statePoll = 500 * time.Millisecond
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

// supervisor runs a collector to its end. It owns the signals, which arrive on stop, and tells process of them.
type supervisor struct {
	col     collector
	process *drain.Process
	stop    <-chan os.Signal
	log     io.Writer

	forcedAt time.Time
}

// run runs the collector until it ends by itself or a signal arrives. The first signal asks it to shut down gracefully; a
// second one, or the deadline, cancels the context that every component's Shutdown holds, and what still hangs
// cancelGrace later is left to die with the process. The same time-out bounds a stop that nobody asked for: a reload, or a
// component that failed.
//
// The context must not be cancelled before the collector is closing: it would then hand its components a background
// context that nothing can cancel.
func (s *supervisor) run(ctx context.Context) (exitCode, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.col.Run(ctx) }()
	code, err := s.outcome(ctx, done, cancel)
	return s.verdict(code), err
}

// outcome waits for the end, or forces it.
func (s *supervisor) outcome(ctx context.Context, done <-chan error, cancel context.CancelFunc) (exitCode, error) {
	var sig os.Signal
	select {
	case err := <-done:
		return endedUnasked(err)
	case after := <-s.stuckClosing(ctx):
		s.say("the old configuration or a failed one did not stop within %v: ending the process", after)
		return s.force(cancel, done)
	case sig = <-s.stop:
	}

	s.process.Begin(sig.String())
	go s.col.Shutdown()
	began := time.Now()
	repeats := time.After(repeatWindow)
	deadline := time.NewTimer(s.process.Limits().Whole())
	defer deadline.Stop()
	var again <-chan os.Signal
	for {
		select {
		case err := <-done:
			return ended(err)
		case <-repeats:
			again = drained(s.stop)
		case sig := <-again:
			s.say("second signal (%v): stopping now", sig)
			return s.force(cancel, done)
		case <-deadline.C:
			// A configuration that was being started when the signal came may have its own limits.
			whole := s.process.Limits().Whole()
			if left := whole - time.Since(began); left > 0 {
				deadline.Reset(left)
				continue
			}
			s.say("shutdown did not finish within %v: stopping now", whole)
			return s.force(cancel, done)
		}
	}
}

func (s *supervisor) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.log, "sluice: "+format+"\n", args...)
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

// stuckClosing delivers, once the collector has been closing for its time-out without a break, how long that was.
func (s *supervisor) stuckClosing(ctx context.Context) <-chan time.Duration {
	stuck := make(chan time.Duration, 1)
	go func() {
		poll := time.NewTicker(statePoll)
		defer poll.Stop()
		for since := time.Now(); ; {
			select {
			case <-ctx.Done():
				return
			case <-poll.C:
			}
			if s.col.GetState() != otelcol.StateClosing {
				since = time.Now()
			}
			if limit := s.process.Limits().Timeout; time.Since(since) >= limit {
				stuck <- limit
				return
			}
		}
	}()
	return stuck
}

// force cancels what runs and gives it cancelGrace to return.
func (s *supervisor) force(cancel context.CancelFunc, done <-chan error) (exitCode, error) {
	s.forcedAt = time.Now()
	s.process.Hurry()
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
