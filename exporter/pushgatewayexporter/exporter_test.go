package pushgatewayexporter

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/sluice-metrics/sluice/exporter/pushgatewayexporter/internal/metadatatest"
)

func point(value int64, attrs ...attribute.KeyValue) metricdata.DataPoint[int64] {
	return metricdata.DataPoint[int64]{Value: value, Attributes: attribute.NewSet(append(attrs, exporterID)...)}
}

func reason(r string) attribute.KeyValue  { return attribute.String("reason", r) }
func outcome(o string) attribute.KeyValue { return attribute.String("outcome", o) }

func TestPushesCompressed(t *testing.T) {
	w := newWorld(t, nil)
	require.NoError(t, w.consume(t.Context(), gauges(7, "orders")))
	w.eventually(t, `{__name__="orders", instance="1", job="shop/cart"}`, 7)
	req := w.first()
	assert.Equal(t, http.MethodPut, req.Method)
	assert.Equal(t, "/metrics/job@base64/c2hvcC9jYXJ0/instance/1", req.URL.Path)
	assert.Equal(t, "gzip", req.Header.Get("Content-Encoding"))
	assert.Equal(t, "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", req.Header.Get("Content-Type"))
}

func TestPushesPlainWithHeaders(t *testing.T) {
	w := newWorld(t, func(cfg *Config) {
		cfg.ClientConfig.Compression = "none"
		cfg.ClientConfig.Headers.Set("X-Tenant", "shop")
		cfg.Method = methodPost
	})
	require.NoError(t, w.consume(t.Context(), gauges(7, "orders")))
	w.eventually(t, `{__name__="orders", instance="1", job="shop/cart"}`, 7)
	req := w.first()
	assert.Equal(t, http.MethodPost, req.Method)
	assert.Empty(t, req.Header.Get("Content-Encoding"))
	assert.Equal(t, "shop", req.Header.Get("X-Tenant"))
}

func TestOwnMetrics(t *testing.T) {
	w := newWorld(t, func(cfg *Config) {
		cfg.MaxGroups = 1
		cfg.MaxSeriesPerGroup = 3
		cfg.PushInterval = time.Hour
		cfg.WithoutTargetInfo = true
	})
	md := gauges(7, "a", "b", "c", "over")
	other := gauges(7, "x", "y")
	other.ResourceMetrics().At(0).Resource().Attributes().PutStr("service.name", "other")
	require.NoError(t, w.consume(t.Context(), md))
	require.NoError(t, w.consume(t.Context(), other))
	w.eventually(t, `{__name__="a", instance="1", job="shop/cart"}`, 7)
	require.Eventually(t, func() bool {
		_, err := w.tel.GetMetric("otelcol_pushgateway_pushes")
		return err == nil
	}, patience, time.Millisecond)

	ignore := metricdatatest.IgnoreTimestamp()
	metadatatest.AssertEqualPushgatewayGroups(t, w.tel, []metricdata.DataPoint[int64]{point(1)}, ignore)
	metadatatest.AssertEqualPushgatewayPendingGroups(t, w.tel, []metricdata.DataPoint[int64]{point(0)}, ignore)
	metadatatest.AssertEqualPushgatewaySeries(t, w.tel, []metricdata.DataPoint[int64]{point(3)}, ignore)
	metadatatest.AssertEqualPushgatewayMemory(t, w.tel, []metricdata.DataPoint[int64]{point(w.engine.Memory())}, ignore)
	metadatatest.AssertEqualPushgatewayRefusedDatapoints(t, w.tel, []metricdata.DataPoint[int64]{
		point(1, reason("max_series")), point(2, reason("max_groups")),
	}, ignore)
	metadatatest.AssertEqualPushgatewayRefusedGroups(t, w.tel, []metricdata.DataPoint[int64]{point(1, reason("max_groups"))}, ignore)
	metadatatest.AssertEqualPushgatewayPushes(t, w.tel, []metricdata.DataPoint[int64]{point(1, outcome("ok"), reason("200"))}, ignore)
	metadatatest.AssertEqualPushgatewayPushedSeries(t, w.tel, []metricdata.DataPoint[int64]{point(3)}, ignore)
}

func TestRefusedFamilyIsNamed(t *testing.T) {
	w := newWorld(t, nil)
	md := gauges(7, "orders", "pushgateway_http_push_size_bytes")
	require.NoError(t, w.consume(t.Context(), md))
	w.eventually(t, `{__name__="orders", instance="1", job="shop/cart"}`, 7)
	require.Eventually(t, func() bool { return w.logs.FilterMessageSnippet("refuses a metric").Len() > 0 }, patience, time.Millisecond)
	fields := w.logs.FilterMessageSnippet("refuses a metric").All()[0].ContextMap()
	assert.Equal(t, "pushgateway_http_push_size_bytes", fields["metric"])
	assert.Contains(t, fields["error"], "status 400: pushed metrics are invalid or inconsistent")
	require.NoError(t, w.Shutdown(t.Context()))
	got, err := w.tel.GetMetric("otelcol_pushgateway_dropped_series")
	require.NoError(t, err)
	assert.Contains(t, got.Data.(metricdata.Sum[int64]).DataPoints[0].Attributes.ToSlice(), reason("refused_family"))
	got, err = w.tel.GetMetric("otelcol_pushgateway_refused_families")
	require.NoError(t, err)
	name, _ := got.Data.(metricdata.Sum[int64]).DataPoints[0].Attributes.Value("family")
	assert.Equal(t, "pushgateway_http_push_size_bytes", name.AsString())
}

func TestStatusFollowsTheGateway(t *testing.T) {
	w := newWorld(t, nil)
	w.fail(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusServiceUnavailable) })
	require.NoError(t, w.consume(t.Context(), gauges(1, "orders")))
	require.Eventually(t, func() bool { return len(w.host.statuses()) == 1 }, patience, time.Millisecond)
	time.Sleep(100 * time.Millisecond)
	w.fail(nil)
	require.NoError(t, w.consume(t.Context(), gauges(2, "orders")))
	w.eventually(t, `{__name__="orders", instance="1", job="shop/cart"}`, 2)
	require.Eventually(t, func() bool { return len(w.host.statuses()) == 2 }, patience, time.Millisecond)
	assert.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError, componentstatus.StatusOK}, w.host.statuses())
}

func TestTimeoutIsRetried(t *testing.T) {
	w := newWorld(t, func(cfg *Config) { cfg.ClientConfig.Timeout = 100 * time.Millisecond })
	w.fail(func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-req.Context().Done():
		case <-time.After(time.Second):
		}
	})
	require.NoError(t, w.consume(t.Context(), gauges(1, "orders")))
	require.Eventually(t, func() bool {
		got, err := w.tel.GetMetric("otelcol_pushgateway_pushes")
		if err != nil {
			return false
		}
		dp := got.Data.(metricdata.Sum[int64]).DataPoints[0]
		return dp.Attributes.Equals(new(attribute.NewSet(outcome("retry"), reason("timeout"), exporterID)))
	}, patience, 5*time.Millisecond)
	w.fail(nil)
	w.eventually(t, `{__name__="orders", instance="1", job="shop/cart"}`, 1)
}

func TestShutdownLogsWhatIsMissing(t *testing.T) {
	w := newWorld(t, func(cfg *Config) { cfg.ClientConfig.Timeout = 300 * time.Millisecond })
	w.fail(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusInternalServerError) })
	require.NoError(t, w.consume(t.Context(), gauges(1, "orders")))
	begin := time.Now()
	require.NoError(t, w.Shutdown(t.Context()))
	assert.Less(t, time.Since(begin), 5*time.Second)
	entries := w.logs.FilterMessageSnippet("does not have the last state").All()
	require.Len(t, entries, 1)
	assert.Contains(t, entries[0].ContextMap()["error"], "1 groups with 1 series")
}

func TestStartFailsWithoutItsExtensions(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.ClientConfig.TLS.CAFile = "/nowhere"
	set := metadatatest.NewSettings(newWorld(t, nil).tel)
	e, err := newPushgatewayExporter(set, cfg)
	require.NoError(t, err)
	require.ErrorContains(t, e.Start(t.Context(), &statusHost{}), "/nowhere")
	require.NoError(t, e.Shutdown(context.WithoutCancel(t.Context())))
}

func TestTurnsAreTraced(t *testing.T) {
	w := newWorld(t, nil)
	require.NoError(t, w.consume(t.Context(), gauges(7, "orders")))
	require.Eventually(t, func() bool {
		spans := w.tel.SpanRecorder.Ended()
		return slices.ContainsFunc(spans, func(turn trace.ReadOnlySpan) bool {
			return turn.Name() == "pushgateway/turn" && slices.ContainsFunc(spans, func(request trace.ReadOnlySpan) bool {
				return request.Parent().SpanID() == turn.SpanContext().SpanID()
			})
		})
	}, patience, 5*time.Millisecond)
}

func TestNamesAreBounded(t *testing.T) {
	var n names
	for i := range 2 * maxNames {
		want := strconv.Itoa(i)
		if i >= maxNames {
			want = otherNames
		}
		assert.Equal(t, want, n.bounded(strconv.Itoa(i)))
	}
	assert.Equal(t, "7", n.bounded("7"))
}

func TestRefusedGroupsAreLoggedOnce(t *testing.T) {
	w := newWorld(t, func(cfg *Config) { cfg.MaxGroups = 1 })
	for _, name := range []string{"a", "b", "c", "\xff", "\xfe"} {
		md := gauges(1, "x")
		md.ResourceMetrics().At(0).Resource().Attributes().PutStr("service.instance.id", name)
		require.NoError(t, w.consume(t.Context(), md))
	}
	assert.Equal(t, 2, w.logs.FilterMessageSnippet("it gets no group").Len())
}
