package pushgatewayexporter

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluice-metrics/sluice/exporter/pushgatewayexporter/internal/metadata"
	"github.com/sluice-metrics/sluice/internal/pushgroup"
)

// telemetry records the exporter's own metrics, each with the ID of the exporter.
type telemetry struct {
	builder *metadata.TelemetryBuilder
	id      attribute.KeyValue
	own     metric.MeasurementOption
	tracer  trace.Tracer
	// families are those that were refused.
	families names
}

func newTelemetry(set exporter.Settings) (*telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	id := attribute.String("exporter", set.ID.String())
	return &telemetry{builder: builder, id: id, own: metric.WithAttributeSet(attribute.NewSet(id)), tracer: metadata.Tracer(set.TelemetrySettings)}, nil
}

// watch observes what the engine holds until shutdown.
func (t *telemetry) watch(e *pushgroup.Engine) error {
	return errors.Join(
		t.builder.RegisterPushgatewayGroupsCallback(t.observe(func() int64 { return int64(e.Groups()) })),
		t.builder.RegisterPushgatewayPendingGroupsCallback(t.observe(func() int64 { return int64(e.Pending()) })),
		t.builder.RegisterPushgatewaySeriesCallback(t.observe(func() int64 { return int64(e.Series()) })),
		t.builder.RegisterPushgatewayMemoryCallback(t.observe(e.Memory)),
	)
}

func (t *telemetry) observe(value func() int64) metric.Int64Callback {
	return func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(value(), t.own)
		return nil
	}
}

func (t *telemetry) shutdown() { t.builder.Shutdown() }

func (t *telemetry) with(attrs ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(append(attrs, t.id)...))
}

func (t *telemetry) because(reason string) metric.MeasurementOption {
	return t.with(attribute.String("reason", reason))
}

func (t *telemetry) outcome(r *pushgroup.Report) metric.MeasurementOption {
	return t.with(attribute.String("outcome", string(r.Outcome)), attribute.String("reason", r.Reason))
}

func (t *telemetry) pushed(ctx context.Context, r *pushgroup.Report) {
	t.builder.PushgatewayPushes.Add(ctx, 1, t.outcome(r))
	t.builder.PushgatewayPushDuration.Record(ctx, r.Took.Seconds(), t.own)
	if r.Outcome == pushgroup.OutcomeOK || r.Outcome == pushgroup.OutcomePartial {
		t.builder.PushgatewayPushedSeries.Add(ctx, int64(r.Series), t.own)
		t.builder.PushgatewayPushedBytes.Add(ctx, int64(r.Bytes), t.own)
	}
}

func (t *telemetry) deleted(ctx context.Context, r *pushgroup.Report) {
	t.builder.PushgatewayDeletions.Add(ctx, 1, t.outcome(r))
}

func (t *telemetry) refusedFamily(ctx context.Context, family string) {
	t.builder.PushgatewayRefusedFamilies.Add(ctx, 1, t.with(attribute.String("family", t.families.bounded(family))))
}

func (t *telemetry) refusedPoints(ctx context.Context, reason string, points int) {
	t.builder.PushgatewayRefusedDatapoints.Add(ctx, int64(points), t.because(reason))
}

func (t *telemetry) refusedGroups(ctx context.Context, reason string, groups int) {
	t.builder.PushgatewayRefusedGroups.Add(ctx, int64(groups), t.because(reason))
}

func (t *telemetry) dropped(ctx context.Context, reason string, series int) {
	t.builder.PushgatewayDroppedSeries.Add(ctx, int64(series), t.because(reason))
}

func (t *telemetry) expired(ctx context.Context, series int) {
	t.builder.PushgatewayExpiredSeries.Add(ctx, int64(series), t.own)
}

func (t *telemetry) conflict(ctx context.Context, kind string, n int) {
	t.builder.PushgatewayConflicts.Add(ctx, int64(n), t.with(attribute.String("kind", kind)))
}
