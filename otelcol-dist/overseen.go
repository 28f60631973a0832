package main

import (
	"time"

	"go.opentelemetry.io/collector/otelcol"

	"github.com/sluice-metrics/sluice/extension/drainextension"
	"github.com/sluice-metrics/sluice/internal/drain"
	"github.com/sluice-metrics/sluice/internal/ledger"
	"github.com/sluice-metrics/sluice/internal/overseer"
)

// overseen are the factories of components whose points are booked and whose stop is bounded, and the end of the process
// that their drain extension takes part in.
func overseen() (*drain.Process, func() (otelcol.Factories, error)) {
	books := &ledger.Ledger{}
	process := drain.NewProcess(books, drain.Limits{Timeout: shutdownTimeout})
	watch := overseer.New(books, func() time.Duration { return process.Limits().Component })
	return process, watch.Wrap(func() (otelcol.Factories, error) {
		f, err := components()
		if err != nil {
			return f, err
		}
		own := drainextension.NewFactoryIn(&drainextension.EntryPoint{Process: process, Watchers: watch.Watchers})
		f.Extensions[own.Type()] = own
		return f, nil
	})
}
