package guardextension

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc"
)

// read returns the values of a self-metric by its attributes, without the guard's own.
func (w *world) read(name string) map[string]float64 {
	w.t.Helper()
	m, err := w.telemetry.GetMetric(name)
	require.NoError(w.t, err)
	out := map[string]float64{}
	add := func(set attribute.Set, v float64) {
		id, _ := set.Value("guard")
		assert.Equal(w.t, "guard", id.AsString())
		rest, _ := set.Filter(attribute.NewDenyKeysFilter("guard"))
		out[rest.Encoded(attribute.DefaultEncoder())] = v
	}
	switch d := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range d.DataPoints {
			add(p.Attributes, float64(p.Value))
		}
	case metricdata.Gauge[int64]:
		for _, p := range d.DataPoints {
			add(p.Attributes, float64(p.Value))
		}
	case metricdata.Gauge[float64]:
		for _, p := range d.DataPoints {
			add(p.Attributes, p.Value)
		}
	}
	return out
}

func TestSelfMetrics(t *testing.T) {
	w := newWorld(t, `
rate:
  requests_per_second: 1000
  per_key:
    by: metadata
    name: x-tenant
    requests_per_second: 0.001
    requests_burst: 1
    max_keys: 1
    overrides: [{key: gold, bytes_per_second: 1000}]
memory: {limit_mib: 100000}
client: {circuit_breaker: {failure_threshold: 1}}
`)
	r := w.receive(newPoints())
	for _, tenant := range []string{"a", "a", "b", "b", "gold"} {
		post(t, r.http, protobufType, nil, "X-Tenant", tenant)
	}
	cc := dial(t, r.grpc)
	require.NoError(t, send(t, cc, 1, 10))
	require.Error(t, send(t, cc, 1, 10))
	w.quiet()
	assert.Equal(t, map[string]float64{
		"decision=admitted,key_class=default,protocol=http,reason=none,side=server":             1,
		"decision=refused,key_class=default,protocol=http,reason=key_request_rate,side=server":  1,
		"decision=admitted,key_class=overflow,protocol=http,reason=none,side=server":            1,
		"decision=refused,key_class=overflow,protocol=http,reason=key_request_rate,side=server": 1,
		"decision=admitted,key_class=override:gold,protocol=http,reason=none,side=server":       1,
		"decision=admitted,key_class=missing,protocol=grpc,reason=none,side=server":             1,
		"decision=refused,key_class=missing,protocol=grpc,reason=key_request_rate,side=server":  1,
		"decision=admitted,key_class=none,protocol=http,reason=none,side=server":                0,
		"decision=admitted,key_class=none,protocol=grpc,reason=none,side=server":                0,
		"decision=admitted,key_class=none,protocol=http,reason=none,side=client":                0,
		"decision=admitted,key_class=none,protocol=grpc,reason=none,side=client":                0,
	}, w.read("otelcol_guard_requests"))
	assert.Equal(t, map[string]float64{"": 1}, w.read("otelcol_guard_keys"))
	assert.Equal(t, map[string]float64{"": 0}, w.read("otelcol_guard_evicted_keys"))
	assert.Equal(t, map[string]float64{"": 0}, w.read("otelcol_guard_in_flight_requests"))
	assert.Equal(t, map[string]float64{"": 0}, w.read("otelcol_guard_in_flight_bytes"))
	assert.Greater(t, w.read("otelcol_guard_memory_bytes")[""], float64(1<<20))
	tokens := w.read("otelcol_guard_tokens")
	assert.Len(t, tokens, 2)
	assert.InDelta(t, 1000, tokens["bucket=requests,key_class=none"], 10)
	assert.InDelta(t, 20<<20, tokens["bucket=bytes,key_class=override:gold"], 1000)

	b := w.guard.backends.add(overGRPC, "there:4317")
	ticket, _, err := b.begin(t.Context(), 0)
	require.NoError(t, err)
	b.end(ticket, fails, 0, errDown)
	assert.Equal(t, map[string]float64{"server_address=there:4317": 2}, w.read("otelcol_guard_breaker_state"))
}

// BenchmarkHTTP is what the middleware adds to a request: a handler that reads the body, with and without a guard.
func BenchmarkHTTP(b *testing.B) {
	for name, text := range benchmarks {
		b.Run(name, func(b *testing.B) {
			g := benchGuard(b, text)
			var h http.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { readAll(r) })
			if text != "" {
				h = &httpHandler{server: g.server, next: h}
			}
			body := &loop{size: 10_000}
			r := &http.Request{Body: body, ContentLength: 10_000, Header: http.Header{"X-Tenant": {"tenant"}}}
			w := &nobody{}
			b.ReportAllocs()
			for b.Loop() {
				body.left = body.size
				h.ServeHTTP(w, r)
			}
		})
	}
}

var benchmarks = map[string]string{
	"none":    "",
	"default": "{in_flight: {requests: 1000, bytes: 100000000}, memory: {limit_mib: 100000}}",
	"rate":    "{rate: {requests_per_second: 1e9, bytes_per_second: 1e12, bytes_burst: 1000000000000}, in_flight: {requests: 1000, bytes: 100000000}}",
	"keyed":   "{rate: {per_key: {by: metadata, name: x-tenant, requests_per_second: 1e9, bytes_per_second: 1e12, bytes_burst: 1000000000000}}}",
	"refused": "{in_flight: {bytes: 1}}",
}

func benchGuard(tb testing.TB, text string) *guard {
	tb.Helper()
	cfg := createDefaultConfig().(*Config)
	unmarshal(tb, text, cfg)
	set := settings()
	g, err := newGuard(&set, cfg)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = g.Shutdown(tb.Context()) })
	return g
}

// loop is a body that is read again for each request.
type loop struct{ size, left int }

func (l *loop) Read(p []byte) (int, error) {
	n := min(l.left, len(p))
	if l.left -= n; l.left == 0 {
		return n, io.EOF
	}
	return n, nil
}

func (*loop) Close() error { return nil }

// nobody reads the response. It has deadlines, as that of a server has.
type nobody struct{ header http.Header }

func (n *nobody) Header() http.Header {
	if n.header == nil {
		n.header = http.Header{}
	}
	return n.header
}
func (*nobody) Write(p []byte) (int, error)     { return len(p), nil }
func (*nobody) WriteHeader(int)                 {}
func (*nobody) SetReadDeadline(time.Time) error { return nil }

// TestAdmittingOverHTTPAllocatesABody and nothing else. That body is not used again: its handler may have passed it on.
func TestAdmittingOverHTTPAllocatesABody(t *testing.T) {
	for name, text := range benchmarks {
		if name == "none" || name == "refused" {
			continue
		}
		g := benchGuard(t, text)
		h := &httpHandler{server: g.server, next: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { readAll(r) })}
		body := &loop{size: 10_000}
		r := &http.Request{Body: body, ContentLength: 10_000, Header: http.Header{"X-Tenant": {"tenant"}}}
		w := &nobody{}
		assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() {
			body.left = body.size
			h.ServeHTTP(w, r)
		}), 1.0, name)
	}
}

var buffer [4096]byte

func readAll(r *http.Request) {
	for {
		if _, err := r.Body.Read(buffer[:]); err != nil {
			return
		}
	}
}

// BenchmarkGRPC is a whole request by a real client to a real server, with and without a guard.
func BenchmarkGRPC(b *testing.B) {
	for name, text := range benchmarks {
		b.Run(name, func(b *testing.B) {
			opts := []grpc.ServerOption{grpc.StatsHandler(callStats{})} // configgrpc's servers have one anyway
			if text != "" {
				opts = append(opts, benchGuard(b, text).server.grpcOptions()...)
			}
			do := grpcWorld(b, opts)
			b.ReportAllocs()
			for b.Loop() {
				do()
			}
		})
	}
}
