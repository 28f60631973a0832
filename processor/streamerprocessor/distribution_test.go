package streamerprocessor_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/sluice-metrics/sluice/processor/streamerprocessor"
)

var (
	houseType = component.MustNewType("house")
	sinkType  = component.MustNewType("sink")
)

// distribution is one of somebody's own: a streamer with functions, and the ends of its pipeline.
func distribution(sink *consumertest.MetricsSink) (otelcol.Factories, error) {
	streamer := streamerprocessor.NewFactory(
		streamerprocessor.WithFilter("not-idle", func(p streamerprocessor.Point[int64]) bool { return p.Value != 0 }),
		streamerprocessor.WithTransform("double", func(p streamerprocessor.Point[Celsius]) (Celsius, error) { return 2 * p.Value, nil }),
	)
	return otelcol.Factories{
		Receivers: map[component.Type]receiver.Factory{houseType: receiver.NewFactory(houseType, noConfig,
			receiver.WithMetrics(func(_ context.Context, _ receiver.Settings, _ component.Config, next consumer.Metrics) (receiver.Metrics, error) {
				return houseReceiver{next: next}, nil
			}, component.StabilityLevelStable))},
		Processors: map[component.Type]processor.Factory{streamer.Type(): streamer},
		Exporters: map[component.Type]exporter.Factory{sinkType: exporter.NewFactory(sinkType, noConfig,
			exporter.WithMetrics(func(context.Context, exporter.Settings, component.Config) (exporter.Metrics, error) {
				return sinkExporter{MetricsSink: sink}, nil
			}, component.StabilityLevelStable))},
		Telemetry: otelconftelemetry.NewFactory(),
	}, nil
}

func noConfig() component.Config { return &struct{}{} }

// houseReceiver sends the metrics of the examples once.
type houseReceiver struct {
	component.ShutdownFunc
	next consumer.Metrics
}

func (r houseReceiver) Start(ctx context.Context, _ component.Host) error {
	return r.next.ConsumeMetrics(ctx, house())
}

type sinkExporter struct {
	component.StartFunc
	component.ShutdownFunc
	*consumertest.MetricsSink
}

func collector(t *testing.T, sink *consumertest.MetricsSink, rules string) *otelcol.Collector {
	t.Helper()
	col, err := otelcol.NewCollector(otelcol.CollectorSettings{
		BuildInfo: component.NewDefaultBuildInfo(),
		Factories: func() (otelcol.Factories, error) { return distribution(sink) },
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			ProviderFactories: []confmap.ProviderFactory{yamlprovider.NewFactory()},
			URIs: []string{`yaml:
receivers: {house: }
processors: {streamer: {rules: ` + rules + `}}
exporters: {sink: }
service:
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [house], processors: [streamer], exporters: [sink]}}`},
		}},
		LoggingOptions:          []zap.Option{zap.WrapCore(func(zapcore.Core) zapcore.Core { return zapcore.NewNopCore() })},
		DisableGracefulShutdown: true,
	})
	require.NoError(t, err)
	return col
}

// A distribution of one's own runs functions of one's own.
func TestCustomDistributionRunsItsFunctions(t *testing.T) {
	sink := &consumertest.MetricsSink{}
	col := collector(t, sink, `[{function: not-idle}, {drop: ['metric.name == "oven"']}, {name: twice, function: double}]`)
	ended := make(chan error, 1)
	go func() { ended <- col.Run(context.WithoutCancel(t.Context())) }()
	require.Eventually(t, func() bool { return sink.DataPointCount() == 2 }, 10*time.Second, time.Millisecond)
	for col.GetState() != otelcol.StateRunning {
		time.Sleep(time.Millisecond)
	}
	col.Shutdown()
	require.NoError(t, <-ended)

	metrics := sink.AllMetrics()[0].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	assert.InDelta(t, 42, metrics.At(0).Gauge().DataPoints().At(0).DoubleValue(), 0)
	assert.Equal(t, int64(7), metrics.At(1).Gauge().DataPoints().At(0).IntValue())
}

func TestCustomDistributionRefusesUnknownFunctions(t *testing.T) {
	col := collector(t, &consumertest.MetricsSink{}, `[{function: nosuch}]`)
	require.ErrorContains(t, col.DryRun(t.Context()),
		`processors::streamer: rules[0]: function: this build has no function "nosuch", only ["double" "not-idle"]`)
}
