package e2e

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

// application is a client of the OpenTelemetry SDK: an application with three instruments.
type application struct {
	t         *testing.T
	provider  *sdkmetric.MeterProvider
	requests  metric.Int64Counter
	queue     metric.Float64Gauge
	latencies metric.Float64Histogram
}

func newApplication(t *testing.T, instance string, exporter sdkmetric.Exporter) *application {
	t.Helper()
	res := resource.NewSchemaless(
		attribute.String("service.namespace", "shop"),
		attribute.String("service.name", "checkout"),
		attribute.String("service.instance.id", instance),
		attribute.String("cloud.region", "eu-1"),
	)
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithResource(res), sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporter)))
	meter := provider.Meter("shop/checkout", metric.WithInstrumentationVersion("1.2.3"))
	a := &application{t: t, provider: provider}
	var err error
	a.requests, err = meter.Int64Counter("http.requests", metric.WithUnit("{request}"), metric.WithDescription("Requests served."))
	require.NoError(t, err)
	a.queue, err = meter.Float64Gauge("queue.size", metric.WithUnit("By"))
	require.NoError(t, err)
	a.latencies, err = meter.Float64Histogram("http.duration", metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(0.1, 1))
	require.NoError(t, err)
	return a
}

// work records two requests, a queue and two latencies.
func (a *application) work() {
	route := metric.WithAttributes(attribute.String("http.route", "/pay"))
	a.requests.Add(a.t.Context(), 2, route)
	a.queue.Record(a.t.Context(), 512.5, route)
	a.latencies.Record(a.t.Context(), 0.05, route)
	a.latencies.Record(a.t.Context(), 3, route)
}

func (a *application) flush() { require.NoError(a.t, a.provider.ForceFlush(a.t.Context())) }

// shutdown ends the SDK's goroutines; the Sluice it would flush to may be gone by now.
func (a *application) shutdown() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.t.Context()), 100*time.Millisecond)
	defer cancel()
	_ = a.provider.Shutdown(ctx)
}

func grpcExporter(t *testing.T, endpoint string) sdkmetric.Exporter {
	t.Helper()
	e, err := otlpmetricgrpc.New(t.Context(), otlpmetricgrpc.WithEndpoint(endpoint), otlpmetricgrpc.WithInsecure())
	require.NoError(t, err)
	return e
}

func httpExporter(t *testing.T, endpoint string) sdkmetric.Exporter {
	t.Helper()
	e, err := otlpmetrichttp.New(t.Context(), otlpmetrichttp.WithEndpoint(endpoint), otlpmetrichttp.WithInsecure())
	require.NoError(t, err)
	return e
}

// sink is an OTLP/HTTP server that keeps what it receives.
type sink struct {
	*httptest.Server
	mu      sync.Mutex
	metrics pmetric.Metrics
	spans   ptrace.Traces
}

func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{metrics: pmetric.NewMetrics(), spans: ptrace.NewTraces()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/metrics", s.takeMetrics)
	mux.HandleFunc("POST /v1/traces", s.takeSpans)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func body(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	unzip, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unzip)
}

func (s *sink) takeMetrics(w http.ResponseWriter, r *http.Request) {
	req := pmetricotlp.NewExportRequest()
	text, err := body(r)
	if err == nil {
		err = req.UnmarshalProto(text)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	req.Metrics().ResourceMetrics().MoveAndAppendTo(s.metrics.ResourceMetrics())
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (s *sink) takeSpans(w http.ResponseWriter, r *http.Request) {
	req := ptraceotlp.NewExportRequest()
	text, err := body(r)
	if err == nil {
		err = req.UnmarshalProto(text)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	req.Traces().ResourceSpans().MoveAndAppendTo(s.spans.ResourceSpans())
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// last is the newest value received of a sum with one point a batch.
func (s *sink) last(name string) (value int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rm := range s.metrics.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if m.Name() == name {
					value = m.Sum().DataPoints().At(0).IntValue()
				}
			}
		}
	}
	return value
}

// services are the names of the services that spans came from, with the spans' names.
func (s *sink) services() map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := map[string][]string{}
	for _, rs := range s.spans.ResourceSpans().All() {
		service, _ := rs.Resource().Attributes().Get("service.name")
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				names[service.AsString()] = append(names[service.AsString()], span.Name())
			}
		}
	}
	return names
}
