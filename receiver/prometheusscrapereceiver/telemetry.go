package prometheusscrapereceiver

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/promotlp"
	"github.com/sluice-metrics/sluice/internal/scrape"
	"github.com/sluice-metrics/sluice/receiver/prometheusscrapereceiver/internal/metadata"
)

// telemetry records the receiver's own metrics, each with the ID of the receiver.
type telemetry struct {
	builder *metadata.TelemetryBuilder
	id      attribute.KeyValue
}

// newTelemetry observes what is held until shutdown.
func newTelemetry(set receiver.Settings, m *scrape.Manager, budget *scrape.Budget) (*telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	t := &telemetry{builder: builder, id: attribute.String("receiver", set.ID.String())}
	return t, errors.Join(
		builder.RegisterPrometheusScrapeBodyMemoryCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(budget.Used(), t.with())
			return nil
		}),
		builder.RegisterPrometheusScrapeTargetsCallback(func(_ context.Context, o metric.Int64Observer) error {
			for job, s := range m.Counts() {
				o.Observe(int64(s.Targets), t.with(attribute.String("job", job), attribute.String("state", "active")))
				o.Observe(int64(s.Dropped), t.with(attribute.String("job", job), attribute.String("state", "dropped")))
				o.Observe(int64(s.OtherShard), t.with(attribute.String("job", job), attribute.String("state", "other_shard")))
			}
			return nil
		}),
		builder.RegisterPrometheusScrapeBreakerTargetsCallback(func(_ context.Context, o metric.Int64Observer) error {
			for job, s := range m.Counts() {
				for state, n := range s.Breakers {
					o.Observe(int64(n), t.with(attribute.String("job", job), attribute.String("breaker", state.String())))
				}
			}
			return nil
		}),
		builder.RegisterPrometheusScrapeRunningCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(m.Load().Running), t.with())
			return nil
		}),
		builder.RegisterPrometheusScrapeWaitingCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(m.Load().Waiting), t.with())
			return nil
		}),
		builder.RegisterPrometheusScrapeBufferSamplesCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(m.Load().Buffered, t.with())
			return nil
		}),
		builder.RegisterPrometheusScrapeIntervalStretchCallback(func(_ context.Context, o metric.Float64Observer) error {
			o.Observe(m.Load().Stretch, t.with())
			return nil
		}),
		builder.RegisterPrometheusScrapeSeriesCallback(func(_ context.Context, o metric.Int64Observer) error {
			for job, s := range m.Counts() {
				o.Observe(int64(s.Series), t.with(attribute.String("job", job)))
			}
			return nil
		}),
	)
}

func (t *telemetry) with(attrs ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(append(attrs, t.id)...))
}

func (t *telemetry) shutdown() { t.builder.Shutdown() }

func (t *telemetry) scraped(ctx context.Context, s scrape.Scraped) {
	job := attribute.String("job", s.Job)
	t.builder.PrometheusScrapeScrapes.Add(ctx, 1, t.with(job, attribute.String("outcome", string(s.Outcome))))
	if s.Outcome != scrape.Cancelled {
		t.builder.PrometheusScrapeDuration.Record(ctx, s.Duration.Seconds(), t.with(job))
	}
	for reason, n := range s.Counts.Dropped {
		if n > 0 {
			t.builder.PrometheusScrapeDroppedSamples.Add(ctx, int64(n), t.with(job, attribute.String("reason", promotlp.Reason(reason).String())))
		}
	}
	if s.Counts.Repaired > 0 {
		t.builder.PrometheusScrapeRepairedHistograms.Add(ctx, int64(s.Counts.Repaired), t.with(job))
	}
}

// skipped counts a turn without a scrape, and what it has cost.
func (t *telemetry) skipped(ctx context.Context, s scrape.Skipped) {
	with := t.with(attribute.String("job", s.Job), attribute.String("reason", string(s.Reason)))
	t.builder.PrometheusScrapeSkipped.Add(ctx, 1, with)
	if s.Samples > 0 {
		t.builder.PrometheusScrapeSkippedSamples.Add(ctx, int64(s.Samples), with)
	}
}

func (t *telemetry) breaker(ctx context.Context, job string, to breaker.State) {
	t.builder.PrometheusScrapeBreakerTransitions.Add(ctx, 1, t.with(attribute.String("job", job), attribute.String("breaker", to.String())))
}

func (t *telemetry) badTargets(ctx context.Context, job string, n int) {
	t.builder.PrometheusScrapeBadTargets.Add(ctx, int64(n), t.with(attribute.String("job", job)))
}

func (t *telemetry) reloaded(ctx context.Context, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	t.builder.PrometheusScrapeConfigReloads.Add(ctx, 1, t.with(attribute.String("result", outcome)))
}
