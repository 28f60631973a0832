package buffer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/spill"
)

func TestAStopDoesNotHurryWhoIsBusy(t *testing.T) {
	for _, retry := range []Retry{{Initial: time.Second, Max: 10 * time.Second}, {}} {
		synctest.Test(t, func(t *testing.T) {
			k := &taker{}
			calls := 0
			k.set(func(context.Context, pmetric.Metrics) error { calls++; return errBusy })
			opts := testOptions(k)
			opts.Retry = retry
			b := started(t, opts)
			require.NoError(t, b.Add(t.Context(), points("a", 1)))
			pass(time.Hour)
			synctest.Wait()
			calls = 0
			left, err := b.Close(within(10 * time.Second))
			require.NoError(t, err)
			synctest.Wait()
			assert.Equal(t, Left{Lost: 1}, left)
			assert.InDelta(t, 9, calls, 1, "once a second until there is a second left")
		})
	}
}

func TestTheEndOfAStopAsksADiskOnceMoreThatFailedBefore(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		k.set(busy)
		opts := testOptions(k)
		opts.Directory = dir
		b := started(t, opts)
		require.NoError(t, b.Add(t.Context(), points("a", 1, 2)))
		b.mu.Lock()
		b.know(spill.ErrUnavailable)
		b.mu.Unlock()
		left, err := b.Close(within(500 * time.Millisecond))
		require.NoError(t, err)
		assert.Equal(t, Left{Stored: 2}, left)
	})
}

// stubborn takes what it is given once release is closed, whatever its context says.
func stubborn(release chan struct{}) func(context.Context, pmetric.Metrics) error {
	return func(context.Context, pmetric.Metrics) error { <-release; return nil }
}

func TestWhatIsTakenAfterAStopIsCountedOnce(t *testing.T) {
	for _, fromDisk := range []bool{false, true} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			k := &taker{}
			release := make(chan struct{})
			k.set(stubborn(release))
			opts := testOptions(k)
			opts.Directory = dir
			if fromDisk {
				opts.SpillThreshold = 1
			}
			b := started(t, opts)
			require.NoError(t, b.Add(t.Context(), points("a", 1, 2)))
			pass(time.Second)
			left, err := b.Close(within(3 * time.Second))
			require.NoError(t, err)
			assert.Equal(t, Left{Stored: 2}, left)
			assert.Zero(t, b.Stats().MemoryBytes)
			close(release)
			synctest.Wait()
			assert.Equal(t, upTo(2), k.taken("a"))
			s := b.Stats()
			assert.EqualValues(t, 2, s.DiskPoints)
			assert.Zero(t, s.Delivered, "it comes again")
			balanced(t, s)
		})
	}
}

func TestWhatCloseAnswersItAnswersAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{mood: busy}
		b := started(t, testOptions(k))
		require.NoError(t, b.Add(t.Context(), points("a", 1, 2, 3)))
		for range 2 {
			left, err := b.Close(within(time.Second))
			require.NoError(t, err)
			assert.Equal(t, Left{Lost: 3}, left)
			require.ErrorIs(t, b.Add(t.Context(), points("a", 4)), ErrClosed)
		}
		s := b.Stats()
		assert.Zero(t, s.Refused, "who comes too late is told so")
		balanced(t, s)
	})
}

// TestAStopAnswersSendersThatWait: they keep what they sent, and it is not delivered later.
func TestAStopAnswersSendersThatWait(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		synctest.Test(t, func(t *testing.T) {
			k := &taker{mood: hanging}
			opts := testOptions(k)
			opts.Persisted, opts.Directory = true, dir
			b := started(t, opts)
			answer := make(chan error, 1)
			go func() { answer <- b.Add(t.Context(), points("a", 1)) }()
			pass(time.Millisecond)
			left, err := b.Close(within(3 * time.Second))
			require.NoError(t, err)
			s := b.Stats()
			if dir != "" {
				require.NoError(t, <-answer)
				assert.Equal(t, Left{Stored: 1}, left)
			} else {
				require.ErrorIs(t, <-answer, ErrClosed)
				assert.Equal(t, Left{}, left)
				assert.EqualValues(t, 1, s.Returned)
			}
			balanced(t, s)
		})
	}
}
