package streamerprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/sluice-metrics/sluice/internal/ledger"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadata"
)

// NewFactory returns the factory of the streamer processor. Options register functions that rules of a custom build can
// call by name.
func NewFactory(options ...Option) processor.Factory {
	registered := newRegistry(options)
	return processor.NewFactory(metadata.Type,
		func() component.Config {
			cfg := createDefaultConfig().(*Config)
			cfg.registered = registered
			return cfg
		},
		processor.WithMetrics(createMetrics, metadata.MetricsStability))
}

// createMetrics declares that data is not mutated: what is shared is copied before a rule changes it, see ADR 0009.
func createMetrics(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
	s, err := newStreamer(set, cfg.(*Config)) //nolint:contextcheck // a configuration is validated without one
	if err != nil {
		return nil, err
	}
	if b := cfg.(*Config).Buffer.Get(); b != nil {
		s.buffer = &buffered{config: b, next: next, report: s.report}
		next = s.buffer
	}
	p, err := processorhelper.NewMetrics(ctx, set, cfg, next, s.process,
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: false}),
		processorhelper.WithStart(s.start),
		processorhelper.WithShutdown(s.shutdown))
	if s.buffer == nil || err != nil {
		return p, err
	}
	return struct {
		processor.Metrics
		ledger.Holder
	}{p, s.buffer}, nil
}
