package scrape

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/promotlp"
)

// Settings are what all jobs of a manager have in common.
type Settings struct {
	Logger *zap.Logger
	// Tracers make a span of each request; nil leaves it to the global ones.
	Tracers trace.TracerProvider
	// Consume passes a batch on. It is called by many goroutines at a time.
	Consume func(context.Context, pmetric.Metrics) error
	// UserAgent is sent to targets, Scope and Version are the instrumentation scope of what names none.
	UserAgent, Scope, Version string

	// Strict refuses OpenMetrics that breaks a rule of the standard, TrimSuffixes takes type and unit off names.
	Strict, TrimSuffixes bool
	// OnShutdown scrapes all targets once more before the end.
	OnShutdown bool
	// InitialOffset is added to the time before a target's first scrape.
	InitialOffset time.Duration
	// Budget bounds the memory of pages; nil is no bound.
	Budget *Budget
	// Protection is what targets and pipeline are spared.
	Protection Protection
	// Shard is the part of the targets to scrape.
	Shard Shard

	// Collections are targets in this process, by the names of their jobs.
	Collections map[string]Collection

	// Elsewhere reports whether another collector scrapes a target now, whose labels before relabelling it is given: it
	// gets no staleness markers then. It may be nil.
	Elsewhere func(ctx context.Context, job string, discovered labels.Labels) bool
	// Observer is told what happens. Its functions may be nil.
	Observer Observer
}

// Shard is the part of the targets whose hash has the remainder Index when divided by Total. The zero value is all.
type Shard struct{ Index, Total uint64 }

func (s Shard) has(hash uint64) bool { return s.Total <= 1 || hash%s.Total == s.Index }

// Observer counts. Its functions are called by many goroutines at a time.
type Observer struct {
	// Scraped is called after each scrape.
	Scraped func(ctx context.Context, s Scraped)
	// Skipped is called when a target was not scraped when it had its turn.
	Skipped func(ctx context.Context, s Skipped)
	// Breaker is called when the circuit breaker of a target has another state.
	Breaker func(ctx context.Context, job string, state breaker.State)
	// BadTargets is called for targets that cannot be made of what was discovered.
	BadTargets func(ctx context.Context, job string, n int)
}

// Scraped is what became of a scrape.
type Scraped struct {
	Job      string
	Outcome  Outcome
	Duration time.Duration
	Counts   promotlp.Counts
}
