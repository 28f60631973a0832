package pushgatewayexporter

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/exporter/pushgatewayexporter/internal/metadata"
)

// BenchmarkPushOverHTTP takes batches in and pushes them over loopback, with all that confighttp does, to a server that only
// reads; both share the processor. One operation is one batch of one group, and its push.
func BenchmarkPushOverHTTP(b *testing.B) {
	for _, compression := range []configcompression.Type{"none", configcompression.TypeGzip} {
		for _, series := range []int{100, 1_000} {
			b.Run(fmt.Sprintf("compression=%s/series=%d", compression, series), func(b *testing.B) {
				benchmarkPush(b, compression, series)
			})
		}
	}
}

func benchmarkPush(b *testing.B, compression configcompression.Type, series int) {
	b.Helper()
	var pushes, wire atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		n, _ := io.Copy(io.Discard, req.Body)
		wire.Add(n)
		pushes.Add(1)
	}))
	defer server.Close()
	cfg := createDefaultConfig().(*Config)
	cfg.ClientConfig.Endpoint, cfg.ClientConfig.Compression = server.URL, compression
	cfg.PushInterval, cfg.HealthCheckInterval = time.Nanosecond, 0
	set := exportertest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = componenttest.NewNopTelemetrySettings()
	set.ID = component.NewID(metadata.Type)
	e, err := newPushgatewayExporter(set, cfg)
	require.NoError(b, err)
	require.NoError(b, e.Start(b.Context(), componenttest.NewNopHost()))
	defer func() { require.NoError(b, e.Shutdown(b.Context())) }()
	md := wide(series)
	b.ReportAllocs()
	for b.Loop() {
		before := pushes.Load()
		require.NoError(b, e.consume(b.Context(), md))
		for pushes.Load() == before || e.engine.Pending() > 0 {
			time.Sleep(time.Microsecond)
		}
	}
	perSecond := float64(pushes.Load()) / b.Elapsed().Seconds()
	b.ReportMetric(perSecond, "groups/s")
	b.ReportMetric(perSecond*float64(series), "series/s")
	b.ReportMetric(float64(wire.Load())/float64(pushes.Load())/float64(series), "wireB/series")
}

// wide is one resource with families of ten series.
func wide(series int) pmetric.Metrics {
	md := gauges(1)
	ms := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	for i := range series {
		if i%10 == 0 {
			m := ms.AppendEmpty()
			m.SetName(fmt.Sprintf("http.server.metric%d", i/10))
			m.SetEmptyGauge()
		}
		dp := ms.At(ms.Len() - 1).Gauge().DataPoints().AppendEmpty()
		dp.SetDoubleValue(float64(i) * 1.1)
		dp.Attributes().PutStr("http.request.method", "GET")
		dp.Attributes().PutStr("http.route", fmt.Sprintf("/api/v1/route/%d", i%10))
		dp.Attributes().PutInt("http.response.status_code", 200)
	}
	return md
}
