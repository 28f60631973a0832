package guardextension

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/nopexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

func TestTwice(t *testing.T) {
	text := `
receivers:
  otlp:
    protocols:
      grpc: {middlewares: [{id: guard}, {id: other}, {id: guard/2}]}
      http: {middlewares: [{id: guard}]}
  many: {list: [{middlewares: [{id: guard}, {id: guard}]}, {middlewares: [{id: guardian}, {id: guard}, 5]}]}
exporters: {otlp_grpc: {middlewares: nothing}}
`
	var m map[string]any
	raw, err := confmap.NewRetrievedFromYAML([]byte(text))
	require.NoError(t, err)
	conf, err := raw.AsConf()
	require.NoError(t, err)
	m = conf.ToStringMap()
	err = (&guard{}).NotifyConfigSnapshot(t.Context(), extensioncapabilities.NewConfigSnapshot(confmap.NewFromStringMap(m), nil))
	assert.EqualError(t, err, `receivers::many::list[0]::middlewares: only one guard can be a middleware of a server or client, not guard, guard
receivers::otlp::protocols::grpc::middlewares: only one guard can be a middleware of a server or client, not guard, guard/2`)
}

// TestCollectorSaysSo runs a collector with two guards on one gRPC server: it does not start, and does not panic.
func TestCollectorSaysSo(t *testing.T) {
	err := run(t, `
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0", middlewares: [{id: guard/a}, {id: guard/b}]}}}}
extensions: {guard/a: {}, guard/b: {}}
exporters: {nop: {}}
service:
  extensions: [guard/a, guard/b]
  telemetry: {metrics: {level: none}, logs: {level: fatal}}
  pipelines: {metrics: {receivers: [otlp], exporters: [nop]}}
`)
	require.ErrorContains(t, err, "receivers::otlp::protocols::grpc::middlewares: only one guard can be a middleware of a server or client, not guard/a, guard/b")
}

// TestCollectorStartsAndStops with a guard on both sides.
func TestCollectorStartsAndStops(t *testing.T) {
	require.NoError(t, run(t, `
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0", middlewares: [{id: guard}]}, http: {endpoint: "127.0.0.1:0", middlewares: [{id: guard}]}}}}
extensions: {guard: {memory: {}, rate: {per_key: {by: client_address, requests_per_second: 5}}}}
exporters: {nop: {}}
service:
  extensions: [guard]
  telemetry: {metrics: {level: none}, logs: {level: fatal}}
  pipelines: {metrics: {receivers: [otlp], exporters: [nop]}}
`))
}

// run runs a collector until it is up, and returns what it has to say.
func run(t *testing.T, config string) error {
	t.Helper()
	col, err := otelcol.NewCollector(otelcol.CollectorSettings{
		DisableGracefulShutdown: true,
		BuildInfo:               component.NewDefaultBuildInfo(),
		Factories: func() (f otelcol.Factories, err error) {
			f.Telemetry = otelconftelemetry.NewFactory()
			if f.Extensions, err = otelcol.MakeFactoryMap[extension.Factory](NewFactory()); err != nil {
				return f, err
			}
			if f.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory()); err != nil {
				return f, err
			}
			f.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](nopexporter.NewFactory())
			return f, err
		},
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs: []string{"yaml:" + config}, ProviderFactories: []confmap.ProviderFactory{yamlprovider.NewFactory()},
		}},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- col.Run(ctx) }()
	for {
		select {
		case err := <-done:
			return err
		case <-time.After(10 * time.Millisecond):
			if col.GetState() == otelcol.StateRunning {
				col.Shutdown()
			}
		}
	}
}
