package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// exitCode is the process's: documented in the README.
type exitCode int

const (
	exitClean  exitCode = 0
	exitFailed exitCode = 1
	// exitForced is a stop that was cut short by the deadline or by a second signal.
	exitForced exitCode = 3
)

const (
	// shutdownDeadline bounds a graceful stop. It lies inside Kubernetes' default grace period of 30 s, so that the
	// process ends by itself and says what it left behind.
	shutdownDeadline = 25 * time.Second
	// cancelGrace is how long components may take to return once their context is cancelled.
	cancelGrace = time.Second
)

var errForced = errors.New("stopped by force; data still in flight is lost")

// collector is what supervise needs of *otelcol.Collector.
type collector interface {
	Run(ctx context.Context) error
	Shutdown()
}

// supervise runs col until it ends by itself or a signal arrives on stop. The first signal asks it to shut down
// gracefully; a second one, or the deadline, cancels the context that every component's Shutdown holds, and what
// still hangs cancelGrace later is left to die with the process.
//
// The context must not be cancelled before Shutdown was asked for: the collector then hands its components a
// background context that nothing can cancel.
func supervise(ctx context.Context, col collector, stop <-chan os.Signal, log io.Writer) (exitCode, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- col.Run(ctx) }()
	select {
	case err := <-done:
		return ended(err), err
	case <-stop:
	}

	go col.Shutdown()
	deadline := time.NewTimer(shutdownDeadline)
	defer deadline.Stop()
	select {
	case err := <-done:
		return ended(err), err
	case sig := <-stop:
		_, _ = fmt.Fprintf(log, "sluice: second signal (%v): stopping now\n", sig)
	case <-deadline.C:
		_, _ = fmt.Fprintf(log, "sluice: shutdown did not finish within %v: stopping now\n", shutdownDeadline)
	}

	cancel()
	grace := time.NewTimer(cancelGrace)
	defer grace.Stop()
	select {
	case err := <-done:
		return exitForced, errors.Join(errForced, err)
	case <-grace.C:
		return exitForced, errForced
	}
}

func ended(err error) exitCode {
	if err != nil {
		return exitFailed
	}
	return exitClean
}
