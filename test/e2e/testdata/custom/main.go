// Program custom is somebody else's distribution: Sluice's streamer with functions of its own.
package main

import (
	"os"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"

	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor"
)

// queueSize keeps what is not the size of a queue.
func queueSize[T streamerprocessor.Number](p streamerprocessor.Point[T]) bool {
	return p.Metric != "queue.size"
}

func factories() (otelcol.Factories, error) {
	in, out := otlpreceiver.NewFactory(), prometheuspullexporter.NewFactory()
	streamer := streamerprocessor.NewFactory(
		streamerprocessor.WithFilter("no-queues-int", queueSize[int64]),
		streamerprocessor.WithFilter("no-queues-float", queueSize[float64]),
	)
	return otelcol.Factories{
		Receivers:  map[component.Type]receiver.Factory{in.Type(): in},
		Processors: map[component.Type]processor.Factory{streamer.Type(): streamer},
		Exporters:  map[component.Type]exporter.Factory{out.Type(): out},
		Telemetry:  otelconftelemetry.NewFactory(),
	}, nil
}

func main() {
	cmd := otelcol.NewCommand(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "custom", Version: "1"},
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			ProviderFactories: []confmap.ProviderFactory{envprovider.NewFactory(), fileprovider.NewFactory()},
		}},
	})
	if cmd.Execute() != nil {
		os.Exit(1)
	}
}
