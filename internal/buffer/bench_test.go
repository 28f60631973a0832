package buffer

import (
	"context"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/promotlp"
)

const benchPoints = 1000

func benchMetrics() pmetric.Metrics { return randomMetrics(rand.New(rand.NewPCG(1, 2)), benchPoints) }

func perPoint(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchPoints, "ns/point")
}

// BenchmarkPassThrough is what a batch costs that nothing keeps, beside what its parts cost. Target: 150 ns a point.
func BenchmarkPassThrough(b *testing.B) {
	b.Run("direct", func(b *testing.B) {
		md := benchMetrics()
		for b.Loop() {
			_ = willing(b.Context(), md)
		}
		perPoint(b)
	})
	b.Run("size", func(b *testing.B) {
		md := benchMetrics()
		for b.Loop() {
			wireBytes(md)
		}
		perPoint(b)
	})
	b.Run("marshal", func(b *testing.B) {
		md := benchMetrics()
		b.ReportAllocs()
		for b.Loop() {
			_, _ = sizer.MarshalMetrics(md)
		}
		perPoint(b)
	})
	b.Run("copy", func(b *testing.B) {
		md := benchMetrics()
		b.ReportAllocs()
		for b.Loop() {
			md.CopyTo(pmetric.NewMetrics())
		}
		perPoint(b)
	})
	b.Run("read-only", func(b *testing.B) { benchPassThrough(b, true, true) })
	b.Run("shared", func(b *testing.B) { benchPassThrough(b, true, false) })
	b.Run("mutable", func(b *testing.B) { benchPassThrough(b, false, false) })
}

func benchPassThrough(b *testing.B, shared, readOnly bool) {
	b.Helper()
	opts := gigabyteOptions("")
	opts.FlushInterval, opts.Shared = 0, shared
	delivered := make(chan pmetric.Metrics, 1)
	opts.Deliver = func(_ context.Context, md pmetric.Metrics) error { delivered <- md; return nil }
	buf := started(b, opts)
	md := benchMetrics()
	if readOnly {
		md.MarkReadOnly()
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := buf.Add(b.Context(), md); err != nil {
			b.Fatal(err)
		}
		md = <-delivered
	}
	perPoint(b)
}

func spillingOptions(b *testing.B) Options {
	b.Helper()
	opts := gigabyteOptions(b.TempDir())
	opts.SpillThreshold, opts.MaxDiskBytes, opts.Deliver = 1, 32<<30, busy
	return opts
}

func pointsPerSecond(b *testing.B, points int64) {
	b.Helper()
	b.ReportMetric(float64(points)/b.Elapsed().Seconds(), "points/s")
}

// BenchmarkSpill writes everything to disk. Target: 100,000 points per second on one core (-cpu 1).
func BenchmarkSpill(b *testing.B) {
	buf := started(b, spillingOptions(b))
	var batches []pmetric.Metrics
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		batches = append(batches, randomMetrics(r, benchPoints))
	}
	i := 0
	for b.Loop() {
		if err := buf.Add(b.Context(), batches[i%len(batches)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	s := buf.Stats()
	pointsPerSecond(b, s.Spilled)
	b.ReportMetric(float64(s.Log.AppendedData)/float64(s.Log.Appended.Bytes), "ratio")
}

// BenchmarkReplay delivers a hundred batches from disk.
func BenchmarkReplay(b *testing.B) {
	const batches = 100
	var open atomic.Bool
	opts := spillingOptions(b)
	opts.Streams.Max, opts.Retry = 8, Retry{Initial: time.Millisecond, Max: time.Millisecond}
	opts.Deliver = func(ctx context.Context, md pmetric.Metrics) error {
		if open.Load() {
			return nil
		}
		return busy(ctx, md)
	}
	buf := started(b, opts)
	r := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		b.StopTimer()
		open.Store(false)
		for range batches {
			require.NoError(b, buf.Add(b.Context(), randomMetrics(r, benchPoints)))
		}
		b.StartTimer()
		open.Store(true)
		for buf.Stats().Streams > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	pointsPerSecond(b, int64(b.N)*batches*benchPoints)
}

// realPages are batches as they are scraped from real targets.
func realPages(b *testing.B) (pages map[string]pmetric.Metrics) {
	b.Helper()
	dir := os.Getenv("SLUICE_TESTDATA")
	if dir == "" {
		b.Skip("SLUICE_TESTDATA is not set")
	}
	pages = map[string]pmetric.Metrics{}
	for _, name := range []string{
		"kube_state_metrics_1.35", "node_exporter_linux", "cadvisor_containers", "k8s_apiserver_1.34", "postgres_exporter",
		"redis_exporter",
	} {
		page, err := os.ReadFile(filepath.Join(dir, "exposition", name+".txt"))
		require.NoError(b, err)
		target := promotlp.Target{
			Labels: labels.FromStrings("job", name, "instance", "host:80"), Scope: "scraper", Version: "1",
			URL: &url.URL{Scheme: "http", Host: "host:80", Path: "/metrics"},
		}
		c := promotlp.New(target, promotlp.Options{HonorTimestamps: true, Validation: model.UTF8Validation})
		require.NoError(b, c.Read(page, "text/plain", time.Unix(1000, 0)), name)
		pages[name] = c.Batch(promotlp.Report{At: time.Unix(1000, 0), Up: true})
	}
	return pages
}

// BenchmarkRealPages spills what real targets say, and reports the compression ratio.
func BenchmarkRealPages(b *testing.B) {
	for name, md := range realPages(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportMetric(float64(md.DataPointCount()), "points")
			buf := started(b, spillingOptions(b))
			for b.Loop() {
				require.NoError(b, buf.Add(b.Context(), md))
			}
			s := buf.Stats()
			pointsPerSecond(b, s.Spilled)
			b.ReportMetric(float64(s.Log.AppendedData)/float64(s.Log.Appended.Bytes), "ratio")
		})
	}
}
