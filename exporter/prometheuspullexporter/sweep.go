package prometheuspullexporter

import (
	"context"
	"time"
)

const (
	minSweepInterval = time.Second
	maxSweepInterval = time.Minute
)

// sweep frees expired series, and what others leave behind, scraped or not, until ctx is done.
func (e *pullExporter) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepInterval(e.cfg.expiration()))
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
	if expiration <= 0 {
		return maxSweepInterval
	}
	return min(max(expiration/4, minSweepInterval), maxSweepInterval)
}
