package prometheuspullexporter

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter/internal/metadata"
	"github.com/sluice-metrics/sluice/internal/exposition"
)

// The outcomes of a scrape.
const (
	outcomeOK       = "ok"
	outcomeRejected = "rejected"
	outcomeTimeout  = "timeout"
	outcomeError    = "error"
)

// telemetry records the exporter's own metrics, each with the ID of the exporter.
type telemetry struct {
	builder *metadata.TelemetryBuilder
	id      attribute.KeyValue
	own     metric.MeasurementOption
}

// newTelemetry observes what the engine holds until shutdown.
func newTelemetry(set exporter.Settings, held engine) (*telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	id := attribute.String("exporter", set.ID.String())
	t := &telemetry{builder: builder, id: id, own: metric.WithAttributeSet(attribute.NewSet(id))}
	return t, errors.Join(
		builder.RegisterPrometheusPullSeriesCallback(t.observe(func() int64 { return int64(held.Len()) })),
		builder.RegisterPrometheusPullMemoryCallback(t.observe(held.Memory)),
	)
}

func (t *telemetry) observe(value func() int64) metric.Int64Callback {
	return func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(value(), t.own)
		return nil
	}
}

func (t *telemetry) shutdown() { t.builder.Shutdown() }

func (t *telemetry) refused(ctx context.Context, reason exposition.Reason, points int) {
	attrs := attribute.NewSet(t.id, attribute.String("reason", string(reason)))
	t.builder.PrometheusPullRefusedDatapoints.Add(ctx, int64(points), metric.WithAttributeSet(attrs))
}

func (t *telemetry) conflict(ctx context.Context, kind string, n int) {
	attrs := attribute.NewSet(t.id, attribute.String("kind", kind))
	t.builder.PrometheusPullConflicts.Add(ctx, int64(n), metric.WithAttributeSet(attrs))
}

func (t *telemetry) expired(ctx context.Context, series int) {
	if series > 0 {
		t.builder.PrometheusPullExpiredSeries.Add(ctx, int64(series), t.own)
	}
}

func (t *telemetry) scraped(ctx context.Context, outcome string, took time.Duration) {
	attrs := attribute.NewSet(t.id, attribute.String("outcome", outcome))
	t.builder.PrometheusPullScrapes.Add(ctx, 1, metric.WithAttributeSet(attrs))
	if outcome != outcomeRejected {
		t.builder.PrometheusPullScrapeDuration.Record(ctx, took.Seconds(), t.own)
	}
}
