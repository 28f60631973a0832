package instruments

import (
	"context"
	"math/rand/v2"
	"testing"

	victoria "github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.uber.org/goleak"

	"github.com/sluice-metrics/sluice/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type route struct {
	Method string `label:"method"`
	Code   string `label:"code"`
}

// peer does what is measured, n times.
type peer struct {
	name string
	loop func(n int)
}

// run measures each peer alone, or with all goroutines at one instrument.
func run(b *testing.B, peers []peer) {
	b.Helper()
	for _, p := range peers {
		b.Run(p.name+"/alone", func(b *testing.B) {
			b.ReportAllocs()
			p.loop(b.N)
		})
		b.Run(p.name+"/contended", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					p.loop(1)
				}
			})
		})
	}
}

func meter() metric.Meter {
	return sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())).Meter("bench")
}

var (
	none     = metrics.Constraints[float64]{}
	routeSet = metric.WithAttributeSet(attribute.NewSet(attribute.String("method", "GET"), attribute.String("code", "200")))
)

func BenchmarkCounter(b *testing.B) {
	ctx := context.Background()
	ours := metrics.Must(metrics.NewCounter[int64]("c", "h", nil, metrics.Constraints[int64]{}))
	theirs := prometheus.NewCounter(prometheus.CounterOpts{Name: "c_total", Help: "h"})
	vm := victoria.NewSet().NewCounter("c")
	otel, err := meter().Int64Counter("c")
	require.NoError(b, err)
	run(b, []peer{
		{"sluice", func(n int) {
			for range n {
				ours.Add(1)
			}
		}},
		{"client_golang", func(n int) {
			for range n {
				theirs.Inc()
			}
		}},
		{"victoria", func(n int) {
			for range n {
				vm.Inc()
			}
		}},
		{"otel", func(n int) {
			for range n {
				otel.Add(ctx, 1, routeSet)
			}
		}},
	})
}

func BenchmarkGauge(b *testing.B) {
	ctx := context.Background()
	ours := metrics.Must(metrics.NewGauge("g", "h", nil, none))
	theirs := prometheus.NewGauge(prometheus.GaugeOpts{Name: "g", Help: "h"})
	vm := victoria.NewSet().NewGauge("g", nil)
	otel, err := meter().Float64Gauge("g")
	require.NoError(b, err)
	run(b, []peer{
		{"sluice", func(n int) {
			for range n {
				ours.Set(1.5)
			}
		}},
		{"client_golang", func(n int) {
			for range n {
				theirs.Set(1.5)
			}
		}},
		{"victoria", func(n int) {
			for range n {
				vm.Set(1.5)
			}
		}},
		{"otel", func(n int) {
			for range n {
				otel.Record(ctx, 1.5, routeSet)
			}
		}},
	})
}

func BenchmarkLookup(b *testing.B) {
	ours := metrics.Must(metrics.NewCounterVec[int64, route]("c", "h", nil, metrics.Constraints[int64]{}))
	theirs := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "c_total", Help: "h"}, []string{"method", "code"})
	vm := victoria.NewSet()
	method, code := "GET", "200"
	ours.With(route{method, code})
	ours.With(route{method, code}) // found without a lock from now on
	run(b, []peer{
		{"sluice", func(n int) {
			for range n {
				ours.With(route{method, code})
			}
		}},
		{"client_golang", func(n int) {
			for range n {
				theirs.WithLabelValues(method, code)
			}
		}},
		{"victoria", func(n int) {
			for range n {
				vm.GetOrCreateCounter(`c{method="` + method + `",code="` + code + `"}`)
			}
		}},
	})
}

// duration returns one from a millisecond to ten seconds.
func duration() float64 { return 0.001 * float64(1+rand.Uint32N(10_000)) }

func BenchmarkHistogram(b *testing.B) {
	ctx := context.Background()
	ours := metrics.Must(metrics.NewHistogram("h", "h", nil, none))
	theirs := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Help: "h"})
	native := metrics.Must(metrics.NewHistogram("n", "h", nil, none, metrics.WithExponentialBuckets(metrics.ExponentialBuckets{})))
	theirNative := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "n", Help: "h", NativeHistogramBucketFactor: 1.1})
	vm := victoria.NewSet().NewHistogram("h")
	otel, err := meter().Float64Histogram("h", metric.WithExplicitBucketBoundaries(metrics.DefaultBounds()...))
	require.NoError(b, err)
	run(b, []peer{
		{"explicit/sluice", func(n int) {
			for range n {
				ours.Observe(duration())
			}
		}},
		{"explicit/client_golang", func(n int) {
			for range n {
				theirs.Observe(duration())
			}
		}},
		{"explicit/otel", func(n int) {
			for range n {
				otel.Record(ctx, duration(), routeSet)
			}
		}},
		{"exponential/sluice", func(n int) {
			for range n {
				native.Observe(duration())
			}
		}},
		{"exponential/client_golang", func(n int) {
			for range n {
				theirNative.Observe(duration())
			}
		}},
		{"exponential/victoria", func(n int) {
			for range n {
				vm.Update(duration())
			}
		}},
	})
}

func BenchmarkSummary(b *testing.B) {
	ours := metrics.Must(metrics.NewSummary("s", "h", nil, none))
	theirs := prometheus.NewSummary(prometheus.SummaryOpts{
		Name: "s", Help: "h", Objectives: map[float64]float64{0.5: 0.05, 0.9: 0.01, 0.99: 0.001},
	})
	run(b, []peer{
		{"sluice", func(n int) {
			for range n {
				ours.Observe(duration())
			}
		}},
		{"client_golang", func(n int) {
			for range n {
				theirs.Observe(duration())
			}
		}},
	})
}
