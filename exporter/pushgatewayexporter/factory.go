package pushgatewayexporter

import (
	"context"
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/sluice-metrics/sluice/exporter/pushgatewayexporter/internal/metadata"
	"github.com/sluice-metrics/sluice/internal/pushgroup"
)

// NewFactory returns the factory of the pushgateway exporter.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(
		metadata.Type,
		createDefaultConfig,
		exporter.WithMetrics(createMetrics, metadata.MetricsStability),
	)
}

func createDefaultConfig() component.Config {
	client := confighttp.NewDefaultClientConfig()
	client.Endpoint = "http://localhost:9091"
	client.Timeout = 30 * time.Second
	client.Compression = configcompression.TypeGzip
	return &Config{
		ClientConfig:        client,
		Job:                 LabelConfig{Attribute: "service.name", Default: "unknown_service"},
		Grouping:            map[string]LabelConfig{"instance": {Attribute: "service.instance.id"}},
		Method:              methodPut,
		PushInterval:        30 * time.Second,
		OnShutdown:          string(pushgroup.FinalPush),
		MaxGroups:           100,
		MaxSeriesPerGroup:   10_000,
		MaxMemory:           512 * units.MiB,
		MaxBodyBytes:        16 * units.MiB,
		MaxConcurrentPushes: 2,
		Retry:               configretry.NewDefaultBackOffConfig(),
		CircuitBreaker: CircuitBreakerConfig{
			Enabled: true, FailureThreshold: 5, Timeout: 5 * time.Second, MaxTimeout: 2 * time.Minute,
		},
		HealthCheckInterval: 30 * time.Second,
		TranslationStrategy: otlptranslator.UnderscoreEscapingWithSuffixes,
	}
}

// createMetrics uses exporterhelper for its standard metrics: there is nothing to queue, retry or time out, for a batch
// only changes what is pushed when its groups have their turn.
func createMetrics(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
	e, err := newPushgatewayExporter(set, cfg.(*Config))
	if err != nil {
		return nil, err
	}
	return exporterhelper.NewMetrics(ctx, set, cfg, e.consume,
		exporterhelper.WithStart(e.Start),
		exporterhelper.WithShutdown(e.Shutdown),
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{Timeout: 0}),
		exporterhelper.WithCapabilities(consumer.Capabilities{MutatesData: false}),
	)
}
