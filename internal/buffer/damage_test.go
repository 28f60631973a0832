package buffer

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/internal/spill"
)

// filled leaves records of one point each, from 1 on, in the directory.
func filled(t *testing.T, k *taker, opts Options, n int64) {
	t.Helper()
	k.set(busy)
	b := started(t, opts)
	for v := range n {
		require.NoError(t, b.Add(t.Context(), points("a", v+1)))
	}
	left, err := b.Close(within(time.Second))
	require.NoError(t, err)
	require.Equal(t, Left{Stored: n}, left)
	k.set(willing)
}

func segments(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

// change edits the only segment.
func change(t *testing.T, dir string, edit func(b []byte) []byte) {
	t.Helper()
	path := segments(t, dir)[0]
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, edit(b), 0o600))
}

func TestDamageCostsNoMoreThanWhatIsDamaged(t *testing.T) {
	for name, c := range map[string]struct {
		edit    func(b []byte) []byte
		missing int64
		lost    func(s Stats) uint64 // records that are known to be lost
	}{
		"data": {
			func(b []byte) []byte { b[len(b)/2] ^= 0xff; return b }, 1,
			func(s Stats) uint64 { return s.Log.Damaged.Records + uint64(min(s.Log.Unreadable.Bytes, 1)) },
		},
		"cut": {
			func(b []byte) []byte { return b[:len(b)-10] }, 1,
			func(s Stats) uint64 { return s.Log.Torn.Records },
		},
		"last data": {
			func(b []byte) []byte { b[len(b)-10] ^= 0xff; return b }, 1,
			func(s Stats) uint64 { return uint64(s.Dropped[Unreadable]) },
		},
		"empty": {
			func([]byte) []byte { return nil }, 20,
			func(Stats) uint64 { return 20 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				k := &taker{}
				opts := onDisk(k, dir)
				filled(t, k, opts, 20)
				change(t, dir, c.edit)
				b := started(t, opts)
				pass(time.Minute)
				got := k.taken("a")
				assert.IsIncreasing(t, append([]int64{0}, got...))
				assert.Len(t, got, int(20-c.missing))
				s := b.Stats()
				assert.EqualValues(t, c.missing, c.lost(s))
				if name != "empty" {
					kept, err := os.ReadDir(filepath.Join(dir, "aside"))
					require.NoError(t, err)
					assert.NotEmpty(t, kept)
				}
				balanced(t, s)
				require.NoError(t, b.Add(t.Context(), points("a", 21)))
				pass(time.Second)
				assert.Contains(t, k.taken("a"), int64(21))
			})
		})
	}
}

// TestMemoryIsNotOvertakenByWhatFollowsADamagedRecord: a read that skips a record must not skip what is in memory.
func TestMemoryIsNotOvertakenByWhatFollowsADamagedRecord(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		k.set(busy)
		opts := testOptions(k)
		opts.Directory, opts.SpillThreshold, opts.Retry.PoisonAttempts = dir, 1, 0
		opts.BatchBytes, opts.BatchItems = 1000, 10
		b := started(t, opts)
		add := func(v, threshold int64) {
			b.mu.Lock()
			b.opts.SpillThreshold = threshold
			b.mu.Unlock()
			require.NoError(t, b.Add(t.Context(), points("a", v)))
			synctest.Wait()
		}
		add(1, 1) // disk, and flies
		add(2, 1) // disk
		add(3, 1<<20)
		add(4, 1) // disk
		change(t, dir, func(s []byte) []byte { s[len(s)/2] ^= 1; return s })
		k.set(willing)
		pass(time.Minute)
		assert.Equal(t, []int64{1, 3, 4}, k.taken("a"))
		s := b.Stats()
		assert.EqualValues(t, 1, s.Dropped[Unreadable])
		balanced(t, s)
	})
}

func TestRecordsThatAreNoMetricsAreSetAside(t *testing.T) {
	dir := t.TempDir()
	log, err := spill.Open(spill.Options{Directory: dir})
	require.NoError(t, err)
	good, err := encode(&item{md: points("a", 1)})
	require.NoError(t, err)
	for seq, data := range [][]byte{{}, {0xff}, []byte("\x00no metrics"), {5}, good, {0}} {
		_, err := log.Append(t.Context(), spill.Record{Lane: 3, Seq: uint64(seq) + 1, Points: 1, Data: data})
		require.NoError(t, err)
	}
	require.NoError(t, log.Close(t.Context()))
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		opts := testOptions(k)
		opts.Directory = dir
		var drops []Drop
		opts.OnDrop = func(d Drop) { drops = append(drops, d) }
		b := started(t, opts)
		pass(time.Second)
		assert.Equal(t, upTo(1), k.taken("a"))
		s := b.Stats()
		assert.EqualValues(t, 5, s.Dropped[Unreadable])
		assert.EqualValues(t, 5, s.Log.SetAside.Records)
		assert.Len(t, drops, 5)
		balanced(t, s)
	})
}

func TestWhatIsDamagedWhileItIsRefusedIsCounted(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		k.set(busy)
		b := started(t, onDisk(k, dir))
		for v := range int64(3) {
			require.NoError(t, b.Add(t.Context(), points("a", v+1)))
			synctest.Wait()
		}
		change(t, dir, func(s []byte) []byte { clear(s[16:]); return s })
		k.set(willing)
		pass(time.Minute)
		s := b.Stats()
		assert.Zero(t, k.total())
		assert.EqualValues(t, 3, s.Dropped[Unreadable])
		balanced(t, s)
		require.NoError(t, b.Add(context.Background(), points("a", 4)))
		pass(time.Second)
		assert.Equal(t, []int64{4}, k.taken("a"))
	})
}
