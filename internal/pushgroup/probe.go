package pushgroup

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// probe asks the gateway whether it is ready, at once and then from time to time, until ctx is done.
func (e *Engine) probe(ctx context.Context) {
	ticker := time.NewTicker(e.opts.Probe)
	defer ticker.Stop()
	for {
		e.probeOnce(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (e *Engine) probeOnce(ctx context.Context) {
	a := e.gateway.send(ctx, http.MethodGet, "/-/ready", nil)
	switch a.Verdict {
	case Accepted:
		e.health.set(notReady, nil)
		e.restore()
	case Canceled:
	case Inconsistent, Permanent, Transient:
		e.health.set(notReady, fmt.Errorf("gateway is not ready: %w", a.Fault()))
		e.mayHaveLost(a.unreachable)
	}
}
