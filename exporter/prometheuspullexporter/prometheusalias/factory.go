package prometheusalias

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter"
	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter/prometheusalias/internal/metadata"
)

// NewFactory returns the factory of the prometheus exporter.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(
		metadata.Type,
		createDefaultConfig,
		exporter.WithMetrics(createMetrics, metadata.MetricsStability),
	)
}

func createDefaultConfig() component.Config {
	pull := prometheuspullexporter.NewFactory().CreateDefaultConfig().(*prometheuspullexporter.Config)
	pull.EnableOpenMetrics = false
	return &Config{Pull: *pull, AddMetricSuffixes: true}
}

func createMetrics(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Metrics, error) {
	cfg := config.(*Config)
	if !cfg.AddMetricSuffixes && cfg.Pull.TranslationStrategy.ShouldAddSuffixes() {
		set.Logger.Warn("`add_metric_suffixes` has no effect, as in contrib since v0.132.0; use `translation_strategy`")
	}
	return prometheuspullexporter.CreateMetrics(ctx, set, cfg.pull(), exporterhelper.WithQueue(cfg.QueueBatchConfig))
}
