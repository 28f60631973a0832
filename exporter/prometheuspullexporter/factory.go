package prometheuspullexporter

import (
	"context"
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter/internal/metadata"
)

// NewFactory returns the factory of the prometheus_pull exporter.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(
		metadata.Type,
		createDefaultConfig,
		exporter.WithMetrics(createMetrics, metadata.MetricsStability),
	)
}

func createDefaultConfig() component.Config {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Endpoint = "localhost:9464"
	server.ReadHeaderTimeout = 10 * time.Second
	server.WriteTimeout = time.Minute
	server.IdleTimeout = 3 * time.Minute
	return &Config{
		ServerConfig:                server,
		MetricsPath:                 "/metrics",
		TranslationStrategy:         otlptranslator.UnderscoreEscapingWithSuffixes,
		EnableOpenMetrics:           true,
		ExponentialHistogramsInText: inTextClassic,
		ScrapeInterval:              time.Minute,
		MaxSeries:                   1_000_000,
		MaxMemory:                   units.GiB,
		MaxConcurrentScrapes:        5,
	}
}

func createMetrics(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
	return CreateMetrics(ctx, set, cfg.(*Config))
}

// CreateMetrics creates the exporter for a component that is this one under another name. It uses exporterhelper for
// its standard metrics, and for what options ask of it: by itself there is nothing to queue, retry or time out.
func CreateMetrics(ctx context.Context, set exporter.Settings, cfg *Config, options ...exporterhelper.Option) (exporter.Metrics, error) {
	e, err := newPullExporter(set, cfg)
	if err != nil {
		return nil, err
	}
	options = append([]exporterhelper.Option{
		exporterhelper.WithStart(e.Start),
		exporterhelper.WithShutdown(e.Shutdown),
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{Timeout: 0}),
		exporterhelper.WithCapabilities(consumer.Capabilities{MutatesData: false}),
	}, options...)
	return exporterhelper.NewMetrics(ctx, set, cfg, e.consume, options...)
}
