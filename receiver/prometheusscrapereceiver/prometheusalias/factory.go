package prometheusalias

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/sluice-metrics/sluice/receiver/prometheusscrapereceiver"
	"github.com/sluice-metrics/sluice/receiver/prometheusscrapereceiver/prometheusalias/internal/metadata"
)

// NewFactory returns the factory of the prometheus receiver.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(
		metadata.Type,
		createDefaultConfig,
		receiver.WithMetrics(createMetrics, metadata.MetricsStability),
	)
}

// createDefaultConfig takes pages without a content type for text, as contrib does.
func createDefaultConfig() component.Config {
	cfg := prometheusscrapereceiver.NewFactory().CreateDefaultConfig().(*prometheusscrapereceiver.Config)
	cfg.FallbackToText = true
	return cfg
}

func createMetrics(ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
	return prometheusscrapereceiver.CreateMetrics(ctx, set, cfg.(*prometheusscrapereceiver.Config), next)
}
