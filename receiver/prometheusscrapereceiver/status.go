package prometheusscrapereceiver

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/scrape"
)

// statusEvery is how often it is looked whether the receiver is well.
const statusEvery = 5 * time.Second

// protects reports whether there is anything that a status could be made of.
func (c *Config) protects() bool { return c.CircuitBreaker.Enabled || c.Backpressure.HasValue() }

// reportStatus tells the host when too many targets are left alone or the pipeline is too slow, and when that is over.
func (r *scrapeReceiver) reportStatus(ctx context.Context, host component.Host, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var told bool
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		trouble := r.trouble()
		switch {
		case trouble != nil && !told:
			r.set.Logger.Warn("targets or pipeline are in trouble", zap.Error(trouble))
			componentstatus.ReportStatus(host, componentstatus.NewRecoverableErrorEvent(trouble))
		case trouble == nil && told:
			r.set.Logger.Info("targets and pipeline are well again")
			componentstatus.ReportStatus(host, componentstatus.NewEvent(componentstatus.StatusOK))
		}
		told = trouble != nil
	}
}

// trouble is what is wrong at large.
func (r *scrapeReceiver) trouble() error {
	if b := r.cfg.Backpressure.Get(); b != nil {
		if fill := r.manager.Load().Fill; fill >= b.AlertThreshold {
			return fmt.Errorf("%.0f %% of `backpressure::buffer_size` are in use", 100*fill)
		}
	}
	if r.cfg.CircuitBreaker.Enabled {
		return tooManyOpen(r.manager.Counts(), r.cfg.CircuitBreaker.StatusThreshold)
	}
	return nil
}

// tooManyOpen counts half-open breakers too: their targets have not proven to be well, and the status would swing from
// each end of an open time to the failure of its probe.
func tooManyOpen(jobs map[string]scrape.JobCounts, share float64) error {
	all, open := 0, 0
	for _, job := range jobs {
		all += job.Targets
		open += job.Breakers[breaker.Open] + job.Breakers[breaker.HalfOpen]
	}
	if open > 0 && float64(open) >= share*float64(all) {
		return fmt.Errorf("the circuit breakers of %d of %d targets are open", open, all)
	}
	return nil
}
