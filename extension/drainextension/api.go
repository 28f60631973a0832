package drainextension

import (
	"go.opentelemetry.io/collector/component"

	"github.com/sluice-metrics/sluice/internal/drain"
)

// What other components give to the extension and get from it.
type (
	// Shutdowner is what can be shut down.
	Shutdowner = drain.Shutdowner
	// Task is work at the end. Its context ends when its time does.
	Task = drain.Task
	// Stats are what is known of a stop.
	Stats = drain.Stats
)

// Drain is what other components can ask of the extension, from their own Start on. A task runs once, within
// component_timeout; one that fails, panics or hangs is in the report and holds up nothing else.
type Drain interface {
	// Register has s shut down after the pipelines have stopped, in the reverse order of registration.
	Register(name string, s Shutdowner)
	// AddFlushTask has task run before the receivers stop, so that what it sends is still delivered.
	AddFlushTask(name string, task Task)
	// AddCleanupTask has task run after everything that was registered has been shut down.
	AddCleanupTask(name string, task Task)
	// Stats are what is known of the stop so far.
	Stats() Stats
}

// Find returns the drain extension that is configured on host.
func Find(host component.Host) (d Drain, found bool) {
	for _, ext := range host.GetExtensions() {
		if d, found = ext.(Drain); found {
			return d, true
		}
	}
	return nil, false
}
