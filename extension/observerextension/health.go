package observerextension

import (
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
)

// health reports the status of the extension: not well while the breaker of a hook is open.
type health struct {
	mu   sync.Mutex
	host component.Host
	open map[string]bool
}

func (h *health) start(host component.Host) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.host, h.open = host, map[string]bool{}
}

// changed returns what is told that the breaker of a hook has opened, by err, or has closed, by nil.
func (h *health) changed(hook string) func(error) {
	return func(err error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		before := len(h.open)
		if err != nil {
			h.open[hook] = true
			componentstatus.ReportStatus(h.host, componentstatus.NewRecoverableErrorEvent(fmt.Errorf("hook %q: %w", hook, err)))
			return
		}
		delete(h.open, hook)
		if before > 0 && len(h.open) == 0 {
			componentstatus.ReportStatus(h.host, componentstatus.NewEvent(componentstatus.StatusOK))
		}
	}
}
