package pushgatewayexporter

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/sluice-metrics/sluice/exporter/pushgatewayexporter/internal/metadata"
	"github.com/sluice-metrics/sluice/exporter/pushgatewayexporter/internal/metadatatest"
	"github.com/sluice-metrics/sluice/internal/pushgatewaytest"
)

const patience = 20 * time.Second

var exporterID = attribute.String("exporter", metadata.Type.String())

// world is an exporter and the real gateway behind a real server.
type world struct {
	*pushgatewayExporter
	gateway *pushgatewaytest.Gateway
	server  *httptest.Server
	host    *statusHost
	tel     *componenttest.Telemetry
	logs    *observer.ObservedLogs

	mu       sync.Mutex
	requests []*http.Request
	// fault answers in the place of the gateway if it is set.
	fault http.HandlerFunc
}

// newWorld starts an exporter whose intervals are short.
func newWorld(t *testing.T, change func(*Config)) *world {
	t.Helper()
	w := &world{gateway: pushgatewaytest.New(pushgatewaytest.Options{}), host: &statusHost{}, tel: componenttest.NewTelemetry()}
	w.server = httptest.NewServer(w)
	cfg := createDefaultConfig().(*Config)
	cfg.ClientConfig.Endpoint = w.server.URL
	cfg.ClientConfig.Timeout = 5 * time.Second
	cfg.PushInterval = 100 * time.Millisecond
	cfg.Retry.InitialInterval, cfg.Retry.MaxInterval = 20*time.Millisecond, 50*time.Millisecond
	cfg.HealthCheckInterval = 50 * time.Millisecond
	if change != nil {
		change(cfg)
	}
	require.NoError(t, cfg.Validate())
	set := metadatatest.NewSettings(w.tel)
	set.ID = component.NewID(metadata.Type)
	core, logs := observer.New(zap.InfoLevel)
	set.Logger, w.logs = zap.New(core), logs
	var err error
	w.pushgatewayExporter, err = newPushgatewayExporter(set, cfg)
	require.NoError(t, err)
	require.NoError(t, w.Start(t.Context(), w.host))
	t.Cleanup(func() {
		require.NoError(t, w.Shutdown(context.WithoutCancel(t.Context())))
		w.server.Close()
		require.NoError(t, w.gateway.Close())
		require.NoError(t, w.tel.Shutdown(context.WithoutCancel(t.Context())))
	})
	return w
}

func (w *world) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	w.mu.Lock()
	if req.Method != http.MethodGet {
		w.requests = append(w.requests, req.Clone(context.Background()))
	}
	fault := w.fault
	w.mu.Unlock()
	if fault != nil {
		fault(rw, req)
		return
	}
	w.gateway.ServeHTTP(rw, req)
}

func (w *world) fail(fault http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = fault
}

func (w *world) first() *http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests[0]
}

// eventually waits for the gateway to have the value of a series.
func (w *world) eventually(t *testing.T, series string, value float64) {
	t.Helper()
	require.Eventually(t, func() bool {
		page, err := w.gateway.Read(pushgatewaytest.Text)
		got, ok := page.Values[series]
		return err == nil && ok && got == value
	}, patience, 5*time.Millisecond)
}

// statusHost keeps the events that are reported to it.
type statusHost struct {
	mu     sync.Mutex
	events []*componentstatus.Event
}

func (*statusHost) GetExtensions() map[component.ID]component.Component { return nil }

func (h *statusHost) Report(ev *componentstatus.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, ev)
}

func (h *statusHost) statuses() []componentstatus.Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]componentstatus.Status, len(h.events))
	for i, ev := range h.events {
		all[i] = ev.Status()
	}
	return all
}

// gauges is a batch of the service shop/cart, instance 1.
func gauges(value int64, names ...string) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.namespace", "shop")
	rm.Resource().Attributes().PutStr("service.name", "cart")
	rm.Resource().Attributes().PutStr("service.instance.id", "1")
	ms := rm.ScopeMetrics().AppendEmpty().Metrics()
	for _, name := range names {
		m := ms.AppendEmpty()
		m.SetName(name)
		dp := m.SetEmptyGauge().DataPoints().AppendEmpty()
		dp.SetIntValue(value)
		dp.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	}
	return md
}
