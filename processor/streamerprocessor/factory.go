package streamerprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadata"
)

// NewFactory returns the factory of the streamer processor.
func NewFactory() processor.Factory {
	return processor.NewFactory(metadata.Type, createDefaultConfig,
		processor.WithMetrics(createMetrics, metadata.MetricsStability))
}

func createMetrics(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
	c := cfg.(*Config)
	s, err := newStreamer(set, c)
	if err != nil {
		return nil, err
	}
	// Rules edit the batch in place. Without rules nothing is touched, and the fan-out need not clone.
	return processorhelper.NewMetrics(ctx, set, cfg, next, s.process,
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: len(c.Rules) > 0}))
}
