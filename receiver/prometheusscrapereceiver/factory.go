package prometheusscrapereceiver

import (
	"context"
	"time"

	"github.com/alecthomas/units"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/sluice-metrics/sluice/receiver/prometheusscrapereceiver/internal/metadata"
)

// NewFactory returns the factory of the prometheus_scrape receiver.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(
		metadata.Type,
		createDefaultConfig,
		receiver.WithMetrics(createMetrics, metadata.MetricsStability),
	)
}

func createDefaultConfig() component.Config {
	return &Config{
		ConfigFilePollInterval: 5 * time.Second,
		TargetAllocator:        configoptional.Default(defaultTargetAllocator()),
		Shard:                  ShardConfig{Index: 0, Total: 1},
		MaxBodyMemory:          512 * units.MiB,
		CircuitBreaker:         defaultCircuitBreaker(),
		Backpressure:           configoptional.Default(defaultBackpressure()),
		APIServer:              defaultAPIServer(),
	}
}

func createMetrics(ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
	return CreateMetrics(ctx, set, cfg.(*Config), next)
}

// CreateMetrics creates the receiver for a component that is this one under another name.
func CreateMetrics(_ context.Context, set receiver.Settings, cfg *Config, next consumer.Metrics) (receiver.Metrics, error) {
	return newReceiver(set, cfg, next)
}
