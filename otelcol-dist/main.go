// Program sluice is an OpenTelemetry Collector distribution for Prometheus metrics.
//
// The list of components (components.go) comes from ocb and builder-config.yaml; the rest of the package is the
// entry point: the default configuration, the sub-commands, the memory limits and the signals.
package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

func main() {
	os.Exit(run())
}

// run owns the signals from the first moment, so that one that arrives during start-up stops the collector
// instead of killing it. A hang-up is the collector's own business once it runs; before that it does nothing.
func run() int {
	stop := make(chan os.Signal, 2)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	setMemoryLimits(memlimit.FromCgroup)

	var outcome exitCode
	if err := newCommand(stop, &outcome).Execute(); err != nil && outcome == exitClean {
		outcome = exitFailed
	}
	return int(outcome)
}
