package buffer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatIsPersistedDoesNotWaitBehindWhatIsRefused(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := &taker{mood: busy}
		opts := testOptions(k)
		opts.Persisted, opts.Directory = true, dir
		b := started(t, opts)
		began := time.Now()
		require.NoError(t, b.Add(t.Context(), points("a", 1)))
		assert.Equal(t, persistAfter, time.Since(began), "it might have been delivered")
		began = time.Now()
		require.NoError(t, b.Add(t.Context(), points("a", 2)))
		assert.Zero(t, time.Since(began))
		assert.EqualValues(t, 2, b.Stats().DiskPoints)
		k.set(willing)
		pass(time.Minute)
		assert.Equal(t, upTo(2), k.taken("a"))
		balanced(t, b.Stats())
	})
}

// TestWhatIsReadFromDiskCountsAsMemory: while it does, what comes goes to disk although memory holds little.
func TestWhatIsReadFromDiskCountsAsMemory(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := &taker{mood: hanging}
		opts := testOptions(k)
		opts.Directory, opts.SpillThreshold, opts.MaxBytes = dir, 1, 8000
		b := started(t, opts)
		require.NoError(t, b.Add(t.Context(), points("a", upTo(50)...))) // is read and hangs
		pass(time.Second)
		b.mu.Lock()
		b.opts.SpillThreshold = b.opts.MaxBytes
		reading := b.reading
		b.mu.Unlock()
		require.Greater(t, reading, opts.MaxBytes/2)
		var spilled int64
		for v := range int64(50) {
			require.NoError(t, b.Add(t.Context(), points("b", v+1)))
			s := b.Stats()
			require.LessOrEqual(t, s.MemoryBytes, max(opts.MaxBytes, reading))
			spilled = s.Spilled
		}
		assert.Greater(t, spilled, int64(50))
		k.set(willing)
	})
}

// TestACopyThatComesTooLateIsErased: its batch was delivered while it was written.
func TestACopyThatComesTooLateIsErased(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		release := make(chan struct{})
		k.set(stubborn(release))
		opts := testOptions(k)
		opts.Directory = dir
		b := started(t, opts)
		require.NoError(t, b.Add(t.Context(), points("a", 1)))
		pass(time.Millisecond)
		copies := b.inMemory()
		require.Len(t, copies, 1)
		it := b.toWrite(copies[0])
		require.NotNil(t, it)
		require.Nil(t, b.toWrite(it), "once is enough")
		close(release)
		pass(time.Millisecond)
		require.Equal(t, upTo(1), k.taken("a"))
		b.write(t.Context(), []*item{it})
		s := b.Stats()
		assert.Zero(t, s.DiskPoints, "it would be delivered again")
		balanced(t, s)
	})
}
