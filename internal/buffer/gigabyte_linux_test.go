package buffer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/childtest"
)

func init() { childtest.Register("gigabyte", gigabyteChild) }

const (
	gigabyte = 1 << 30
	// gigabyteOver is what may come on top of MaxBytes: zstd, what is being written, and garbage.
	gigabyteOver = 100 << 20
	kiB          = 1 << 10
)

// TestGigabyte spills and replays a gigabyte: in a process of its own, so that its memory is that of the buffer.
func TestGigabyte(t *testing.T) {
	if checks, _ := strconv.Atoi(os.Getenv("PROOF_CHECKS")); checks < 1000 && os.Getenv("SLUICE_GIGABYTE") == "" {
		t.Skip("for make soak, or SLUICE_GIGABYTE=1")
	}
	cmd := childtest.Command(t.Context(), "gigabyte")
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	t.Log(string(out))
	require.NoError(t, err)
}

func gigabyteOptions(dir string) Options {
	return Options{
		Directory: dir, MaxBytes: 256 << 20, SpillThreshold: 100 << 20, MaxDiskBytes: 4 << 30, BatchBytes: 4 << 20, BatchItems: 100_000,
		FlushInterval: 200 * time.Millisecond, MaxWorkers: 8, Streams: Streams{Max: 50},
		Retry: Retry{Initial: 100 * time.Millisecond, Max: time.Second},
	}
}

func gigabyteChild() {
	t := childtest.T{}
	dir, err := os.Getwd()
	fail(err)
	opts := gigabyteOptions(dir)
	var open atomic.Bool
	var taken atomic.Int64
	opts.Deliver = func(_ context.Context, md pmetric.Metrics) error {
		if !open.Load() {
			return errBusy
		}
		taken.Add(int64(md.DataPointCount()))
		return nil
	}
	b, err := Open(opts)
	fail(err)
	idle := rssAnon()
	watch := watching()
	began := time.Now()
	points, bytes := spillGigabyte(t, b)
	spilled := watch.most()
	s := b.Stats()
	fmt.Printf("spilled %d MB, %d points in %v, %d MB on disk: %d MB over idle\n", bytes>>20, points, time.Since(began).Round(time.Millisecond),
		s.DiskBytes>>20, (spilled-idle)>>20)
	require.Greater(t, s.DiskPoints, points*8/10)
	began = time.Now()
	open.Store(true)
	eventuallyIn(t, 5*time.Minute, "replayed", func() bool { return b.Stats().Streams == 0 })
	replayed := watch.most()
	fmt.Printf("replayed in %v: %d MB over idle\n", time.Since(began).Round(time.Millisecond), (replayed-idle)>>20)
	require.Equal(t, points, taken.Load())
	_, err = b.Close(within(3 * time.Second))
	require.NoError(t, err)
	require.LessOrEqual(t, spilled-idle, opts.MaxBytes+gigabyteOver)
	require.LessOrEqual(t, replayed-idle, opts.MaxBytes+gigabyteOver)
}

// spillGigabyte has 4 senders.
func spillGigabyte(t childtest.T, b *Buffer) (int64, int64) {
	var points, bytes atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, rand.Uint64()))
			for bytes.Load() < gigabyte {
				md := randomMetrics(r, 1000)
				points.Add(int64(md.DataPointCount()))
				bytes.Add(wireBytes(md))
				require.NoError(t, b.Add(context.Background(), md))
			}
		})
	}
	wg.Wait()
	return points.Load(), bytes.Load()
}

// randomMetrics are points of one of 50 resources, as a service might have them: 8 attributes, of which some are random.
func randomMetrics(r *rand.Rand, points int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", r.IntN(50)))
	sm := rm.ScopeMetrics().AppendEmpty()
	for i := range points / 100 {
		m := sm.Metrics().AppendEmpty()
		m.SetName(fmt.Sprint("some.service.requests.", i))
		ps := m.SetEmptySum().DataPoints()
		for range 100 {
			randomPoint(r, ps.AppendEmpty())
		}
	}
	return md
}

func randomPoint(r *rand.Rand, p pmetric.NumberDataPoint) {
	p.SetTimestamp(pcommon.Timestamp(1_700_000_000_000_000_000 + r.Int64N(1e15)))
	p.SetDoubleValue(r.Float64())
	for j := range 6 {
		p.Attributes().PutStr(fmt.Sprint("attribute.", j), fmt.Sprint("value-", r.IntN(100)))
	}
	p.Attributes().PutStr("trace", fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64()))
	p.Attributes().PutStr("pod", fmt.Sprintf("pod-%08x", r.Uint32()))
}

func rssAnon() int64 {
	b, err := os.ReadFile("/proc/self/status")
	fail(err)
	_, after, _ := strings.Cut(string(b), "RssAnon:")
	n, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
	fail(err)
	return n * kiB
}

// peak is the most memory seen of late.
type peak struct{ bytes atomic.Int64 }

func watching() *peak {
	p := &peak{}
	go func() {
		for range time.Tick(2 * time.Millisecond) {
			p.bytes.Store(max(p.bytes.Load(), rssAnon()))
		}
	}()
	return p
}

// most returns the peak, and begins anew.
func (p *peak) most() int64 { return p.bytes.Swap(0) }
