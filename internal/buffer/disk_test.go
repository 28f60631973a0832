package buffer

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/internal/spill"
)

// filling adds one point after the other until there is no room, and returns how many were taken and the error.
func filling(tb require.TestingT, b *Buffer, from int64) (to int64, full *FullError) {
	for v := from; ; v++ {
		err := b.Add(within(1e9), noisyPoint(v))
		if err != nil {
			require.ErrorAs(tb, err, &full)
			return v - 1, full
		}
	}
}

// told keeps what OnStorage says.
type told struct {
	mu   sync.Mutex
	errs []error
}

func (s *told) storage(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, err)
}

func (s *told) all() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.errs)
}

// small are options for a disk that is soon full.
func small(k *taker, dir string) (Options, *told) {
	opts, s := testOptions(k), &told{}
	opts.Directory, opts.SpillThreshold, opts.MaxBytes, opts.MaxDiskBytes = dir, 10_000, 20_000, 1<<17
	opts.BatchBytes, opts.BatchItems, opts.OnStorage = 5000, 10, s.storage
	return opts, s
}

func TestAFullDiskFallsBackToMemoryAndRecovers(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := &taker{mood: busy}
		opts, told := small(k, dir)
		b := started(t, opts)
		last, full := filling(t, b, 1)
		require.ErrorIs(t, full, spill.ErrFull)
		s := b.Stats()
		assert.Greater(t, s.MemoryBytes, opts.SpillThreshold+5000, "memory takes what the disk does not")
		assert.Greater(t, s.DiskPoints, int64(50))
		for range 10 { // it stays so, and is told once
			pass(2 * time.Second)
			_, _ = filling(t, b, last+1)
		}
		require.Len(t, told.all(), 1)
		require.ErrorIs(t, told.all()[0], spill.ErrFull)
		balanced(t, b.Stats())

		k.set(willing)
		pass(time.Minute)
		assert.Equal(t, upTo(last), k.taken("a"))
		assert.Equal(t, []error{told.all()[0], nil}, told.all())
		balanced(t, b.Stats())
	})
}

func TestADirectoryThatGoesAwayFallsBackToMemoryAndRecovers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spill")
	synctest.Test(t, func(t *testing.T) {
		k := &taker{mood: busy}
		opts, told := small(k, dir)
		b := started(t, opts)
		for v := range int64(40) {
			require.NoError(t, b.Add(t.Context(), noisyPoint(v+1)))
		}
		require.NoError(t, os.Rename(dir, dir+".away"))
		last, full := filling(t, b, 41)
		require.ErrorIs(t, full, spill.ErrUnavailable)
		k.set(willing)
		pass(time.Minute)
		s := b.Stats()
		assert.Positive(t, s.MemoryPoints, "it waits for what is before it")
		balanced(t, s)
		require.Len(t, told.all(), 1)

		require.NoError(t, os.Rename(dir+".away", dir))
		pass(time.Minute)
		assert.Equal(t, upTo(last), k.taken("a"))
		assert.Equal(t, []error{told.all()[0], nil}, told.all())
		balanced(t, b.Stats())
	})
}

// TestStreamsWithNothingOnDiskGoOnWithoutIt: only who waits for the disk waits for it.
func TestStreamsWithNothingOnDiskGoOnWithoutIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spill")
	synctest.Test(t, func(t *testing.T) {
		k := &taker{mood: busy}
		opts, _ := small(k, dir)
		b := started(t, opts)
		for v := range int64(40) {
			require.NoError(t, b.Add(t.Context(), noisyPoint(v+1)))
		}
		require.NoError(t, os.RemoveAll(dir))
		k.set(willing)
		pass(time.Minute)
		require.NoError(t, b.Add(t.Context(), points("b", 1)))
		pass(time.Minute)
		assert.Equal(t, upTo(1), k.taken("b"))
		balanced(t, b.Stats())
	})
}
