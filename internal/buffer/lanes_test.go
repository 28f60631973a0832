package buffer

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// except refuses what has the stream, and takes the rest.
func except(stream string, refuse func(context.Context, pmetric.Metrics) error) func(context.Context, pmetric.Metrics) error {
	return func(ctx context.Context, md pmetric.Metrics) error {
		if _, is := read(md)[stream]; is {
			return refuse(ctx, md)
		}
		return nil
	}
}

// onDisk are options with which everything goes to disk, and one batch from there fills the memory.
func onDisk(k *taker, dir string) Options {
	opts := testOptions(k)
	opts.Directory, opts.SpillThreshold, opts.MaxBytes, opts.MaxWorkers = dir, 1, 10_000, 1
	opts.Retry.PoisonAttempts = 0
	return opts
}

func TestABatchFromDiskThatIsRefusedKeepsNobodyWaiting(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		k.set(except("a", busy))
		b := started(t, onDisk(k, dir))
		require.NoError(t, b.Add(t.Context(), points("a", 1)))
		pass(time.Second / 2)
		for i := range int64(5) {
			require.NoError(t, b.Add(t.Context(), points("b", i+1)))
		}
		pass(time.Minute)
		assert.Equal(t, upTo(5), k.taken("b"))
		s := b.Stats()
		assert.Zero(t, s.MemoryBytes, "what is refused is on disk")
		assert.EqualValues(t, 1, s.DiskPoints)
		k.set(willing)
		pass(time.Minute)
		assert.Equal(t, upTo(1), k.taken("a"))
		balanced(t, b.Stats())
	})
}

func TestStreamsThatHangDoNotTakeAllSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		k.set(except("a", hanging))
		b := started(t, testOptions(k))
		require.NoError(t, b.Add(t.Context(), points("a", 1)))
		pass(time.Minute)
		require.NoError(t, b.Add(t.Context(), points("b", 1)))
		pass(2 * patience)
		assert.Equal(t, upTo(1), k.taken("b"))
	})
}

func TestBatchesFromDiskAreBoundedWhereOthersAreNot(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		k.set(busy)
		opts := testOptions(k)
		opts.Directory, opts.SpillThreshold, opts.MaxBytes = dir, 1, 100<<20
		opts.BatchBytes, opts.BatchItems, opts.Streams.Max = 0, 0, 1
		b := started(t, opts)
		const each = 50_000
		md := points("a", upTo(each)...)
		wire := wireBytes(md)
		for range 6 {
			again := pmetric.NewMetrics()
			md.CopyTo(again)
			require.NoError(t, b.Add(t.Context(), again))
		}
		k.set(willing)
		pass(time.Minute)
		assert.Equal(t, 6*each, k.total())
		for _, n := range k.batches {
			assert.LessOrEqual(t, int64(n)*wire/each, int64(unboundedReplay))
		}
	})
}

func TestPiecesAreNoLargerThanABatchWhateverTheirPoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		opts := testOptions(k)
		opts.BatchBytes = 2000
		largest := int64(0)
		k.set(func(_ context.Context, md pmetric.Metrics) error {
			largest = max(largest, wireBytes(md))
			return nil
		})
		b := started(t, opts)
		md := points("a", upTo(200)...)
		ps := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints()
		for i := range 20 { // a tenth of the points is most of the bytes
			for j := range 5 {
				ps.At(i).Attributes().PutStr(fmt.Sprint("long attribute ", j), fmt.Sprintf("%50d", j))
			}
		}
		require.NoError(t, b.Add(t.Context(), md))
		pass(time.Second)
		assert.Equal(t, upTo(200), k.taken("a"))
		assert.LessOrEqual(t, largest, opts.BatchBytes)
	})
}
