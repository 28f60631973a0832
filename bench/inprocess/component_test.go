package inprocess

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// telemetrySettings record self-metrics as a collector does by default: what a component spends on counting itself is
// part of its cost. Nothing traces or logs.
func telemetrySettings(tb testing.TB) component.TelemetrySettings {
	tb.Helper()
	set := componenttest.NewNopTelemetrySettings()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	tb.Cleanup(func() { _ = provider.Shutdown(context.WithoutCancel(tb.Context())) })
	set.MeterProvider = provider
	return set
}

// configure lays conf over a factory's defaults and validates the outcome.
func configure(tb testing.TB, factory component.Factory, conf map[string]any) component.Config {
	tb.Helper()
	cfg := factory.CreateDefaultConfig()
	require.NoError(tb, confmap.NewFromStringMap(conf).Unmarshal(cfg))
	require.NoError(tb, confmap.Validate(cfg))
	return cfg
}

// start starts c and returns what stops it, at the end of the test at the latest. The test forgets a stopped component, so
// that it does not weigh on the heap of what is measured next.
func start(tb testing.TB, c component.Component) (stop func()) {
	tb.Helper()
	require.NoError(tb, c.Start(tb.Context(), componenttest.NewNopHost()))
	stop = func() {
		if c != nil {
			require.NoError(tb, c.Shutdown(context.WithoutCancel(tb.Context())))
		}
		c = nil
	}
	tb.Cleanup(stop)
	return stop
}
