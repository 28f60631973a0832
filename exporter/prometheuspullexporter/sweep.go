package prometheuspullexporter

import (
	"context"
	"time"
)

const (
	minSweepInterval = time.Second
	maxSweepInterval = time.Minute
)

// sweep frees expired series, scraped or not, until ctx is done.
func (e *pullExporter) sweep(ctx context.Context) {
	expiration := e.cfg.expiration()
	if expiration <= 0 {
		return
	}
	ticker := time.NewTicker(sweepInterval(expiration))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			e.telemetry.expired(ctx, e.engine.Expire())
		}
	}
}

// sweepInterval bounds how long expired series take up memory; pages do not show them anyway.
func sweepInterval(expiration time.Duration) time.Duration {
	return min(max(expiration/4, minSweepInterval), maxSweepInterval)
}
