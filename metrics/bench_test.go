package metrics

import (
	"context"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// Each benchmark measures Sluice beside client_golang and OTel's SDK, in one run: compare the lines of one run only.
// bench/instruments adds VictoriaMetrics/metrics.

type route struct {
	Method string `label:"method"`
	Code   string `label:"code"`
}

// peer is one way of doing what a benchmark measures, n times.
type peer struct {
	name string
	loop func(n int)
}

func serial(b *testing.B, peers ...peer) {
	b.Helper()
	for _, p := range peers {
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			p.loop(b.N)
		})
	}
}

func parallel(b *testing.B, peers ...peer) {
	b.Helper()
	for _, p := range peers {
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					p.loop(1)
				}
			})
		})
	}
}

func otelMeter(b *testing.B) metric.Meter {
	b.Helper()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	return provider.Meter("bench")
}

var routeSet = metric.WithAttributeSet(attribute.NewSet(attribute.String("method", "GET"), attribute.String("code", "200")))

func counters(b *testing.B) []peer {
	b.Helper()
	ctx := context.Background()
	ours := Must(NewCounter[int64]("c", "h", nil, Constraints[int64]{}))
	floats := Must(NewCounter[float64]("f", "h", nil, Constraints[float64]{}))
	bounded := Must(NewCounter[int64]("b", "h", nil, Constraints[int64]{Max: new(int64(100))}))
	theirs := prometheus.NewCounter(prometheus.CounterOpts{Name: "c_total", Help: "h"})
	otel, err := otelMeter(b).Int64Counter("c")
	require.NoError(b, err)
	return []peer{
		{"int/sluice.Add", func(n int) {
			for range n {
				ours.Add(1)
			}
		}},
		{"int/client_golang.Inc", func(n int) {
			for range n {
				theirs.Inc()
			}
		}},
		{"int/otel.Add", func(n int) {
			for range n {
				otel.Add(ctx, 1, routeSet)
			}
		}},
		{"int/sluice.Add_constrained", func(n int) {
			for range n {
				bounded.Add(1)
			}
		}},
		{"float/sluice.Add(1.5)", func(n int) {
			for range n {
				floats.Add(1.5)
			}
		}},
		{"float/client_golang.Add(1.5)", func(n int) {
			for range n {
				theirs.Add(1.5)
			}
		}},
	}
}

func BenchmarkCounter(b *testing.B) { serial(b, counters(b)...) }

func gaugePeers(b *testing.B) []peer {
	b.Helper()
	ctx := context.Background()
	ours := Must(NewGauge[float64]("g", "h", nil, Constraints[float64]{}))
	integers := Must(NewGauge[int64]("i", "h", nil, Constraints[int64]{}))
	theirs := prometheus.NewGauge(prometheus.GaugeOpts{Name: "g", Help: "h"})
	otel, err := otelMeter(b).Float64Gauge("g")
	require.NoError(b, err)
	return []peer{
		{"Set/sluice", func(n int) {
			for range n {
				ours.Set(1.5)
			}
		}},
		{"Set/sluice_int", func(n int) {
			for range n {
				integers.Set(3)
			}
		}},
		{"Set/client_golang", func(n int) {
			for range n {
				theirs.Set(1.5)
			}
		}},
		{"Set/otel", func(n int) {
			for range n {
				otel.Record(ctx, 1.5, routeSet)
			}
		}},
		{"Add/sluice", func(n int) {
			for range n {
				ours.Add(1.5)
			}
		}},
		{"Add/sluice_int", func(n int) {
			for range n {
				integers.Add(1)
			}
		}},
		{"Add/client_golang", func(n int) {
			for range n {
				theirs.Add(1.5)
			}
		}},
	}
}

func BenchmarkGauge(b *testing.B) { serial(b, gaugePeers(b)...) }

func lookups(b *testing.B) []peer {
	b.Helper()
	ours := Must(NewCounterVec[int64, route]("c", "h", nil, Constraints[int64]{}))
	theirs := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "c_total", Help: "h"}, []string{"method", "code"})
	methods, codes := []string{"GET", "PUT", "POST", "HEAD"}, []string{"200", "204", "404", "500", "503"}
	for range 2 { // the second time all series are where they are found without a lock
		for _, method := range methods {
			for _, code := range codes {
				ours.With(route{method, code}).Inc()
				theirs.WithLabelValues(method, code).Inc()
			}
		}
	}
	method, code := methods[0], codes[0]
	return []peer{
		{"sluice.With", func(n int) {
			for range n {
				ours.With(route{method, code})
			}
		}},
		{"client_golang.WithLabelValues", func(n int) {
			for range n {
				theirs.WithLabelValues(method, code)
			}
		}},
	}
}

func BenchmarkLookup(b *testing.B) { serial(b, lookups(b)...) }

func histogramPeers(b *testing.B) []peer {
	b.Helper()
	ctx := context.Background()
	ours := Must(NewHistogram[float64]("h", "h", nil, Constraints[float64]{}))
	theirs := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Help: "h"})
	native := Must(NewHistogram[float64]("n", "h", nil, Constraints[float64]{}, WithExponentialBuckets(ExponentialBuckets{})))
	theirNative := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "n", Help: "h", NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160,
	})
	otel, err := otelMeter(b).Float64Histogram("h", metric.WithExplicitBucketBoundaries(DefaultBounds()...))
	require.NoError(b, err)
	next := values()
	return []peer{
		{"explicit/sluice", func(n int) {
			for range n {
				ours.Observe(next())
			}
		}},
		{"explicit/client_golang", func(n int) {
			for range n {
				theirs.Observe(next())
			}
		}},
		{"explicit/otel", func(n int) {
			for range n {
				otel.Record(ctx, next(), routeSet)
			}
		}},
		{"exponential/sluice", func(n int) {
			for range n {
				native.Observe(next())
			}
		}},
		{"exponential/client_golang", func(n int) {
			for range n {
				theirNative.Observe(next())
			}
		}},
	}
}

// values returns durations from a millisecond to ten seconds at random.
func values() func() float64 {
	list := make([]float64, 1024)
	for i := range list {
		list[i] = 0.001 * float64(int(1)<<(i%13)) * (1 + float64(i%7)/7)
	}
	return func() float64 {
		return list[rand.Uint32()&1023]
	}
}

func BenchmarkHistogram(b *testing.B) { serial(b, histogramPeers(b)...) }

func summaryPeers() []peer {
	ours := Must(NewSummary[float64]("s", "h", nil, Constraints[float64]{}))
	theirs := prometheus.NewSummary(prometheus.SummaryOpts{
		Name: "s", Help: "h", Objectives: map[float64]float64{0.5: 0.05, 0.9: 0.01, 0.99: 0.001},
	})
	next := values()
	return []peer{
		{"sluice", func(n int) {
			for range n {
				ours.Observe(next())
			}
		}},
		{"client_golang", func(n int) {
			for range n {
				theirs.Observe(next())
			}
		}},
	}
}

func BenchmarkSummary(b *testing.B) { serial(b, summaryPeers()...) }

// BenchmarkConcurrentAccess has all goroutines record to one series: run it with -cpu 1,2,4,8.
func BenchmarkConcurrentAccess(b *testing.B) {
	for _, of := range []struct {
		name  string
		peers []peer
	}{
		{"counter", counters(b)}, {"gauge", gaugePeers(b)}, {"lookup", lookups(b)}, {"histogram", histogramPeers(b)}, {"summary", summaryPeers()},
	} {
		b.Run(of.name, func(b *testing.B) { parallel(b, of.peers...) })
	}
}

// BenchmarkObservers shows that observers cost those who have some.
func BenchmarkObservers(b *testing.B) {
	never := Must(NewCounter[int64]("n", "h", nil, Constraints[int64]{}))
	gone := Must(NewCounter[int64]("g", "h", nil, Constraints[int64]{}))
	gone.OnChange(PriorityNormal, func(Change[int64]) {})()
	watched := Must(NewCounter[int64]("w", "h", nil, Constraints[int64]{}))
	var sum int64
	watched.OnChange(PriorityNormal, func(c Change[int64]) { sum += c.New - c.Old })
	serial(b,
		peer{"none", func(n int) {
			for range n {
				never.Add(1)
			}
		}},
		peer{"removed", func(n int) {
			for range n {
				gone.Add(1)
			}
		}},
		peer{"one", func(n int) {
			for range n {
				watched.Add(1)
			}
		}})
}

// BenchmarkMemoryEfficiency reports the heap that an instrument takes, of 100,000 of them.
func BenchmarkMemoryEfficiency(b *testing.B) {
	const n = 100_000
	names := make([]string, n)
	for i := range names {
		names[i] = "instrument_" + strconv.Itoa(i)
	}
	counterVec := func() *CounterVec[int64, route] {
		return Must(NewCounterVec[int64, route]("v", "h", nil, Constraints[int64]{}, WithSeriesLimit(n+1)))
	}
	ours, theirs := counterVec(), prometheus.NewCounterVec(prometheus.CounterOpts{Name: "c_total", Help: "h"}, []string{"method", "code"})
	for _, kind := range []struct {
		name   string
		create func(i int) any
	}{
		{"counter/sluice", func(i int) any { return Must(NewCounter[int64](names[i], "h", nil, Constraints[int64]{})) }},
		{"counter/client_golang", func(i int) any { return prometheus.NewCounter(prometheus.CounterOpts{Name: names[i], Help: "h"}) }},
		{"gauge/sluice", func(i int) any { return Must(NewGauge[int64](names[i], "h", nil, Constraints[int64]{})) }},
		{"gauge/client_golang", func(i int) any { return prometheus.NewGauge(prometheus.GaugeOpts{Name: names[i], Help: "h"}) }},
		{"histogram/sluice", func(i int) any {
			h := Must(NewHistogram[float64](names[i], "h", nil, Constraints[float64]{}))
			h.Observe(float64(i%100) / 10)
			return h
		}},
		{"histogram/client_golang", func(i int) any {
			h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: names[i], Help: "h"})
			h.Observe(float64(i%100) / 10)
			return h
		}},
		{"summary/sluice", func(i int) any {
			s := Must(NewSummary[float64](names[i], "h", nil, Constraints[float64]{}))
			s.Observe(float64(i%100) / 10)
			return s
		}},
		{"vec_series/sluice", func(i int) any {
			c := ours.With(route{"GET", names[i]})
			c.Inc()
			return c
		}},
		{"vec_series/client_golang", func(i int) any {
			c := theirs.WithLabelValues("GET", names[i])
			c.Inc()
			return c
		}},
	} {
		b.Run(kind.name, func(b *testing.B) {
			for b.Loop() {
				before := heap()
				all := make([]any, n)
				for i := range all {
					all[i] = kind.create(i)
				}
				b.ReportMetric(float64(heap()-before-16*n)/n, "B/instrument")
				runtime.KeepAlive(all)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
