package guardextension

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc/peer"

	"github.com/sluice-metrics/sluice/internal/limiter"
)

const (
	senders = 4
	each    = 4
	// soon is when SDK exporters retry that are not told when; by default it is seconds.
	soon = 20 * time.Millisecond
)

// overLimits are met at once, for the buckets are emptied first, and take some seconds for what is sent.
var overLimits = map[string]string{
	"requests": `rate: {requests_per_second: 10, requests_burst: 10}`,
	"bytes":    `rate: {bytes_per_second: 15000, bytes_burst: 10000}`,
	"keyed":    `rate: {per_key: {by: client_address, requests_per_second: 10, requests_burst: 10}}`,
	"flight":   `{in_flight: {requests: 1}, retry_after: 100ms}`,
}

// delivered has all senders send at once what is more than the limit, and checks that all of it comes, none of it twice.
func delivered(t *testing.T, limits string, connect func(w *world, r *intake) func(ctx context.Context, id int64) error) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, limits)
	sink := newPoints()
	sink.hook = func(context.Context) error { time.Sleep(2 * time.Millisecond); return nil }
	r := w.receive(sink)
	export := connect(w, r)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	emptyBuckets(w)
	var wg sync.WaitGroup
	wg.Go(func() { w.keepEmpty(ctx) })
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				assert.NoError(t, export(ctx, int64(s*each+i)))
			}
		})
	}
	wg.Wait()
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		n, twice := sink.distinct()
		assert.Equal(c, senders*each, n)
		assert.Zero(c, twice)
	}, time.Minute, 10*time.Millisecond)
	w.quiet()
	taken, refused := w.balance()
	assert.Equal(t, int64(senders*each), taken)
	assert.Positive(t, refused, "nothing was over the limit")
}

// balance is what has been decided.
func (w *world) balance() (taken, refused int64) {
	for p := range protocols {
		for reason := range reasons {
			if reason == admitted {
				taken += w.decided(p, reason)
			} else {
				refused += w.decided(p, reason)
			}
		}
	}
	return taken, refused
}

// keepEmpty has somebody refused, however slow the machine is, unless only requests in flight can be.
func (w *world) keepEmpty(ctx context.Context) {
	for taken, refused := w.balance(); refused == 0 && taken < senders*each && ctx.Err() == nil; taken, refused = w.balance() {
		emptyBuckets(w)
		time.Sleep(time.Millisecond)
	}
}

// emptyBuckets leaves of each bucket what came in the meantime.
func emptyBuckets(w *world) {
	loopback := peer.NewContext(w.t.Context(), &peer.Peer{Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}})
	now := time.Now()
	buckets := []*limiter.Bucket{w.guard.server.total}
	if k := w.guard.server.keys; k != nil {
		buckets = append(buckets, k.ofHeaders(loopback, now, nil))
	}
	for _, b := range buckets {
		if b == nil {
			continue
		}
		for over := limiter.None; over == limiter.None; {
			var c limiter.Charge
			if over, _ = b.Admit(now, 0, &c); over == limiter.None {
				c.Add(now, 100)
			}
			c.Close()
		}
	}
}

func TestSDKExportersLoseNothing(t *testing.T) {
	for name, limits := range overLimits {
		t.Run("grpc/"+name, func(t *testing.T) {
			delivered(t, limits, func(_ *world, r *intake) func(context.Context, int64) error {
				return sdk(t, func(ctx context.Context) (metric.Exporter, error) {
					return otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(r.grpc), otlpmetricgrpc.WithInsecure(),
						otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig{Enabled: true, InitialInterval: soon, MaxInterval: soon, MaxElapsedTime: time.Minute}))
				})
			})
		})
		t.Run("http/"+name, func(t *testing.T) {
			delivered(t, limits, func(_ *world, r *intake) func(context.Context, int64) error {
				return sdk(t, func(ctx context.Context) (metric.Exporter, error) {
					return otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpoint(r.http), otlpmetrichttp.WithInsecure(),
						otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression),
						otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{Enabled: true, InitialInterval: soon, MaxInterval: soon, MaxElapsedTime: time.Minute}))
				})
			})
		})
	}
}

// sdk exports with as many exporters as there are senders, each as it comes.
func sdk(t *testing.T, open func(context.Context) (metric.Exporter, error)) func(context.Context, int64) error {
	t.Helper()
	exporters := make([]metric.Exporter, senders)
	for i := range exporters {
		var err error
		exporters[i], err = open(t.Context())
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, exporters[i].Shutdown(context.Background())) })
	}
	return func(ctx context.Context, id int64) error {
		return exporters[id/each].Export(ctx, &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{
			Metrics: []metricdata.Metrics{{Name: "m", Data: metricdata.Gauge[int64]{
				DataPoints: []metricdata.DataPoint[int64]{{
					Value: id, Time: time.Unix(1, 0), Attributes: attribute.NewSet(attribute.String("pad", strings.Repeat("x", 1000))),
				}},
			}}},
		}}})
	}
}

func TestCoreExportersLoseNothing(t *testing.T) {
	for name, limits := range overLimits {
		for kind, f := range map[string]exporter.Factory{"grpc": otlpexporter.NewFactory(), "http": otlphttpexporter.NewFactory()} {
			for _, encoding := range map[string][]string{"grpc": {""}, "http": {"proto", "json"}}[kind] {
				t.Run(fmt.Sprint(kind, encoding, "/", name), func(t *testing.T) {
					delivered(t, limits, func(w *world, r *intake) func(context.Context, int64) error {
						text := `{endpoint: "` + r.grpc + `", tls: {insecure: true}, `
						if kind == "http" {
							text = `{endpoint: "http://` + r.http + `", encoding: ` + encoding + `, `
						}
						e := w.export(f, text+`sending_queue: {num_consumers: 4}, retry_on_failure: {initial_interval: 10ms, max_interval: 100ms}}`)
						return func(ctx context.Context, id int64) error { return e.ConsumeMetrics(ctx, batch(id, 1000)) }
					})
				})
			}
		}
	}
}

// TestFairShares has one tenant flood while another sends what it may: both get their share of the weights 3 and 1.
func TestFairShares(t *testing.T) {
	w := newWorld(t, `
rate:
  requests_per_second: 100000
  per_key:
    by: metadata
    name: x-tenant
    requests_per_second: 5
    requests_burst: 1
    overrides: [{key: calm, requests_per_second: 15, requests_burst: 1}]`)
	r := w.receive(newPoints())
	const span = 4 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	taken := map[string]*float64{"flood": new(float64), "calm": new(float64)}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for tenant, threads := range map[string]int{"flood": 8, "calm": 1} {
		e := tenantClient(t, r.grpc, tenant)
		for range threads {
			wg.Go(func() {
				for ctx.Err() == nil {
					if e(ctx) == nil {
						mu.Lock()
						*taken[tenant]++
						mu.Unlock()
					}
				}
			})
		}
	}
	wg.Wait()
	x, y := *taken["flood"]/5, *taken["calm"]/15
	jain := (x + y) * (x + y) / (2 * (x*x + y*y))
	t.Logf("flood %v, calm %v of %v requests refused; Jain index %.3f", *taken["flood"], *taken["calm"], w.decided(overGRPC, keyRequestRate), jain)
	assert.GreaterOrEqual(t, jain, 0.9)
	assert.LessOrEqual(t, *taken["flood"], 5*span.Seconds()+2, "no more than its own rate")
}

func tenantClient(t *testing.T, address, tenant string) func(context.Context) error {
	t.Helper()
	cc := dial(t, address)
	return func(ctx context.Context) error {
		return sendContext(withTenant(ctx, tenant), cc, 1, 10)
	}
}
