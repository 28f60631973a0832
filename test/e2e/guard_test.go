package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// guarded takes OTLP, two requests a second, and passes it on through a guard, too.
func guarded(p ports, otlp, sink string) string {
	return `
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "127.0.0.1:` + p.grpc + `", middlewares: [{id: guard}]}
      http: {endpoint: "127.0.0.1:` + otlp + `", middlewares: [{id: guard}]}
extensions:
  guard: {rate: {requests_per_second: 2, requests_burst: 4}, in_flight: {requests: 100, bytes: 10000000}, memory: {}}
  drain: {endpoint: "127.0.0.1:` + p.drain + `"}
exporters:
  otlp_http: {endpoint: "` + sink + `", middlewares: [{id: guard}]}
service:
  extensions: [guard, drain]
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: ` + p.pull + `}}}}]}}
  pipelines: {metrics: {receivers: [otlp], exporters: [otlp_http]}}
`
}

// TestGuardedClientsBackOffAndLoseNothing sends at once what is more than the limit, by SDK exporters as they come.
func TestGuardedClientsBackOffAndLoseNothing(t *testing.T) {
	p, otlp, sink := newPorts(t), freePort(t), newSink(t)
	s, _ := launchConfig(t, guarded(p, otlp, sink.URL))
	p.ready(t)
	const each = 3
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	for i, e := range impatientExporters(t, "127.0.0.1:"+p.grpc, "127.0.0.1:"+otlp) {
		defer func() { _ = e.Shutdown(context.WithoutCancel(t.Context())) }()
		for j := range each {
			wg.Go(func() { assert.NoError(t, e.Export(ctx, oneGauge(int64(i*each+j)))) })
		}
	}
	wg.Wait()
	eventually(t, func() error {
		if n := sink.distinct(); n != 2*each {
			return fmt.Errorf("%d points have come", n)
		}
		return nil
	})
	page := answered(t, "http://127.0.0.1:"+p.pull+"/metrics", http.StatusOK)
	for _, line := range []string{
		`otelcol_guard_requests{decision="admitted",guard="guard",key_class="none",protocol="grpc",reason="none",side="server"} 3`,
		`otelcol_guard_requests{decision="admitted",guard="guard",key_class="none",protocol="http",reason="none",side="server"} 3`,
		`reason="request_rate"`, `otelcol_guard_in_flight_requests{`, `otelcol_guard_in_flight_bytes{`, `otelcol_guard_memory_bytes{`,
		`otelcol_guard_tokens{bucket="requests",guard="guard",key_class="none"}`,
		`otelcol_guard_breaker_state{guard="guard",server_address="` + sink.Listener.Addr().String() + `"} 0`,
	} {
		assert.Contains(t, page, line)
	}
	s.stop()
}

// impatientExporters retry soon where nothing else is asked of them: by default they wait for seconds.
func impatientExporters(t *testing.T, grpc, http string) []sdkmetric.Exporter {
	t.Helper()
	const soon, late = 50 * time.Millisecond, time.Minute
	overGRPC, err := otlpmetricgrpc.New(t.Context(), otlpmetricgrpc.WithEndpoint(grpc), otlpmetricgrpc.WithInsecure(),
		otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig{Enabled: true, InitialInterval: soon, MaxInterval: soon, MaxElapsedTime: late}))
	require.NoError(t, err)
	overHTTP, err := otlpmetrichttp.New(t.Context(), otlpmetrichttp.WithEndpoint(http), otlpmetrichttp.WithInsecure(),
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{Enabled: true, InitialInterval: soon, MaxInterval: soon, MaxElapsedTime: late}))
	require.NoError(t, err)
	return []sdkmetric.Exporter{overGRPC, overHTTP}
}

// distinct counts the values of gauges that came.
func (s *sink) distinct() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	values := map[int64]bool{}
	for _, rm := range s.metrics.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				values[m.Gauge().DataPoints().At(0).IntValue()] = true
			}
		}
	}
	return len(values)
}

func oneGauge(value int64) *metricdata.ResourceMetrics {
	return &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{{
		Name: "g", Data: metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{Value: value, Time: time.Unix(1, 0)}}},
	}}}}}
}

// TestTwoGuardsOnOneServer are an error that says where, and no panic.
func TestTwoGuardsOnOneServer(t *testing.T) {
	p, otlp := newPorts(t), freePort(t)
	one := `middlewares: [{id: guard}]}`
	config := guarded(p, otlp, "http://127.0.0.1:1") // nothing is sent
	s, _ := launchConfig(t, strings.Replace(config, one, `middlewares: [{id: guard}, {id: guard}]}`, 1))
	require.Equal(t, 1, s.wait(patience))
	assert.Contains(t, s.log.String(), "receivers::otlp::protocols::grpc::middlewares: only one guard can be a middleware of a server or client")
	assert.NotContains(t, s.log.String(), "panic")
}
