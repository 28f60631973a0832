package drainextension

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sluice-metrics/sluice/extension/drainextension/internal/metadata"
	"github.com/sluice-metrics/sluice/internal/drain"
	"github.com/sluice-metrics/sluice/internal/ledger"
)

// telemetry shows the books as they are now. A nil telemetry shows nothing.
type telemetry struct{ builder *metadata.TelemetryBuilder }

func newTelemetry(set component.TelemetrySettings, process *drain.Process) (*telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, err
	}
	t := &telemetry{builder}
	return t, builder.RegisterDrainPointsCallback(func(_ context.Context, o metric.Int64Observer) error {
		b := process.Books()
		for outcome, count := range map[string]ledger.Count{
			"accepted": b.Accepted, "refused": b.Refused, "carried": b.Carried, "removed": b.Removed,
			"delivered": b.Delivered, "stored": b.Stored, "held": b.Lost.Minus(b.Doomed()), "lost": b.Doomed(),
		} {
			if n, known := count.Value(); known {
				o.Observe(n, metric.WithAttributes(attribute.String("outcome", outcome)))
			}
		}
		return nil
	})
}

func (t *telemetry) shutdown() {
	if t != nil {
		t.builder.Shutdown()
	}
}
