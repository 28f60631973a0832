package prometheuspullexporter

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter/internal/metadata"
	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter/internal/metadatatest"
	"github.com/sluice-metrics/sluice/internal/exposition"
)

var exporterID = attribute.String("exporter", "prometheus_pull/test")

// fixture is an exporter with its telemetry. It is not started.
type fixture struct {
	*pullExporter
	tel *componenttest.Telemetry
}

func newFixture(t *testing.T, change func(*Config)) *fixture {
	t.Helper()
	tel := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, tel.Shutdown(context.WithoutCancel(t.Context()))) })
	set := exportertest.NewNopSettings(metadata.Type)
	set.ID = component.NewIDWithName(metadata.Type, "test")
	set.TelemetrySettings = tel.NewTelemetrySettings()
	cfg := createDefaultConfig().(*Config)
	cfg.ServerConfig.NetAddr.Endpoint = "localhost:0"
	if change != nil {
		change(cfg)
	}
	e, err := newPullExporter(set, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Shutdown(context.WithoutCancel(t.Context()))) })
	return &fixture{e, tel}
}

func gauge(name string) pmetric.Metrics {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(name)
	m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	return md
}

func freeAddress(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "localhost:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

func TestStartServesAndShutdownStops(t *testing.T) {
	address := freeAddress(t)
	cfg := createDefaultConfig().(*Config)
	cfg.ServerConfig.NetAddr.Endpoint = address
	exp, err := NewFactory().CreateMetrics(t.Context(), exportertest.NewNopSettings(metadata.Type), cfg)
	require.NoError(t, err)
	assert.False(t, exp.Capabilities().MutatesData)
	require.NoError(t, exp.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, exp.ConsumeMetrics(t.Context(), gauge("up")))
	body := get(t, "http://"+address+"/metrics")
	assert.Contains(t, body, "up 1\n")
	require.NoError(t, exp.Shutdown(t.Context()))
	require.NoError(t, exp.Shutdown(t.Context()))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	require.Error(t, err)
}

func TestStartOnOccupiedPortNamesTheAddress(t *testing.T) {
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "localhost:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	e := newFixture(t, func(cfg *Config) { cfg.ServerConfig.NetAddr.Endpoint = l.Addr().String() })
	require.ErrorContains(t, e.Start(t.Context(), componenttest.NewNopHost()), l.Addr().String())
}

func TestShutdownWithoutStartTwice(t *testing.T) {
	e := newFixture(t, nil)
	require.NoError(t, e.Shutdown(t.Context()))
	require.NoError(t, e.Shutdown(t.Context()))
}

// fakeEngine lets a test hold a scrape or fail it.
type fakeEngine struct {
	engine
	before func(ctx context.Context, w io.Writer) error
}

func (f *fakeEngine) Write(ctx context.Context, w io.Writer, p exposition.Page, hidden func(exposition.Reason, int)) error {
	if err := f.before(ctx, w); err != nil {
		return err
	}
	return f.engine.Write(ctx, w, p, hidden)
}

func TestShutdownCutsOffScrapesThatDoNotEnd(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	address := freeAddress(t)
	e := newFixture(t, func(cfg *Config) { cfg.ServerConfig.NetAddr.Endpoint = address })
	e.engine = &fakeEngine{e.engine, func(context.Context, io.Writer) error {
		close(entered)
		<-release
		return nil
	}}
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		req, _ := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, "http://"+address+"/metrics", http.NoBody)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
		}
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, e.Shutdown(ctx)) // while the scrape still hangs
	close(release)
	<-done
}

func TestRefusedPointsAreCounted(t *testing.T) {
	e := newFixture(t, func(cfg *Config) { cfg.MaxSeries = 1 })
	for _, name := range []string{"a", "b", "c"} {
		require.NoError(t, e.consume(t.Context(), gauge(name)))
	}
	metadatatest.AssertEqualPrometheusPullRefusedDatapoints(t, e.tel, []metricdata.DataPoint[int64]{
		{Value: 2, Attributes: attribute.NewSet(exporterID, attribute.String("reason", "max_series"))},
	}, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualPrometheusPullSeries(t, e.tel, []metricdata.DataPoint[int64]{
		{Value: 1, Attributes: attribute.NewSet(exporterID)},
	}, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualPrometheusPullMemory(t, e.tel, []metricdata.DataPoint[int64]{
		{Value: e.engine.Memory(), Attributes: attribute.NewSet(exporterID)},
	}, metricdatatest.IgnoreTimestamp())
}

func TestConflictsAreCountedAndLoggedOnce(t *testing.T) {
	e := newFixture(t, nil)
	core, logs := observer.New(zap.WarnLevel)
	e.set.Logger = zap.New(core)
	described := func(name, help, unit string) pmetric.Metrics {
		md := gauge(name)
		m := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
		m.SetDescription(help)
		m.SetUnit(unit)
		return md
	}
	summary := described("a_bytes", "", "")
	summary.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetEmptySummary().DataPoints().AppendEmpty()
	require.NoError(t, e.consume(t.Context(), described("a", "first", "By")))
	for range 3 {
		require.NoError(t, e.consume(t.Context(), described("a_bytes", "second", "{x}")))
		require.NoError(t, e.consume(t.Context(), summary))
	}
	metadatatest.AssertEqualPrometheusPullConflicts(t, e.tel, []metricdata.DataPoint[int64]{
		{Value: 3, Attributes: attribute.NewSet(exporterID, attribute.String("kind", "help"))},
		{Value: 3, Attributes: attribute.NewSet(exporterID, attribute.String("kind", "type"))},
	}, metricdatatest.IgnoreTimestamp())
	assert.Equal(t, 2, logs.FilterField(zap.String("conflicts_with", "a_bytes")).Len())
}

func TestSweepFreesSeriesNobodyScrapes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newFixture(t, func(cfg *Config) { cfg.MetricExpiration = configoptional.Some(time.Minute) })
		require.NoError(t, e.consume(t.Context(), gauge("a")))
		ctx, cancel := context.WithCancel(t.Context())
		go e.sweep(ctx)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		assert.Equal(t, 1, e.engine.Len())
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Zero(t, e.engine.Len())
		cancel()
		synctest.Wait()
		metadatatest.AssertEqualPrometheusPullExpiredSeries(t, e.tel, []metricdata.DataPoint[int64]{
			{Value: 1, Attributes: attribute.NewSet(exporterID)},
		}, metricdatatest.IgnoreTimestamp())
	})
}

func TestSweepInterval(t *testing.T) {
	assert.Equal(t, time.Second, sweepInterval(time.Millisecond))
	assert.Equal(t, 15*time.Second, sweepInterval(time.Minute))
	assert.Equal(t, time.Minute, sweepInterval(24*time.Hour))
}
