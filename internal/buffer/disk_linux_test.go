package buffer

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/internal/childtest"
	"github.com/sluice-metrics/sluice/internal/spill"
)

func init() {
	childtest.RegisterOnTmpfs("tmpfs", "256k", fullDisk)
	childtest.RegisterOnTmpfs("readonly", "256k", readOnlyDisk)
}

func TestDiskIsFull(t *testing.T)     { childtest.RunInNamespace(t, "tmpfs") }
func TestDiskIsReadOnly(t *testing.T) { childtest.RunInNamespace(t, "readonly") }

// eventually waits for what real time brings.
func eventually(t childtest.T, what string, is func() bool) {
	eventuallyIn(t, 20*time.Second, what, is)
}

func eventuallyIn(t childtest.T, most time.Duration, what string, is func() bool) {
	for began := time.Now(); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > most {
			t.Errorf("not %s", what)
		}
	}
}

func onSmallDisk(t childtest.T, dir string) (k *taker, told *told, b *Buffer, opts Options) {
	k = &taker{mood: busy}
	opts, told = small(k, filepath.Join(dir, "spill"))
	opts.MaxDiskBytes, opts.Retry = 1<<30, Retry{Initial: 10 * time.Millisecond, Max: 100 * time.Millisecond}
	b, err := Open(opts)
	require.NoError(t, err)
	return k, told, b, opts
}

func fullDisk(t childtest.T, dir string) {
	k, told, b, _ := onSmallDisk(t, dir)
	last, full := filling(t, b, 1)
	require.ErrorIs(t, full, spill.ErrFull)
	require.ErrorIs(t, full, syscall.ENOSPC)
	require.Greater(t, b.Stats().DiskPoints, int64(150))
	balanced(t, b.Stats())
	k.set(willing)
	eventually(t, "drained", func() bool { return b.Stats().Streams == 0 })
	require.Equal(t, upTo(last), k.taken("a"))
	require.Len(t, told.all(), 2)
	require.NoError(t, told.all()[1])

	k.set(busy)
	again, full := filling(t, b, last+1)
	require.ErrorIs(t, full, syscall.ENOSPC)
	require.Greater(t, again-last, last*8/10, "there is room again")
	balanced(t, b.Stats())
	left, err := b.Close(within(3 * time.Second))
	require.NoError(t, err)
	s := b.Stats()
	require.Equal(t, again-last, left.Stored+left.Lost)
	require.Equal(t, s.Dropped[Stopped], left.Lost)
	fmt.Printf("%d points, then %d, of which %d were lost", last, again-last, left.Lost)
}

// readOnlyDisk lays a read-only mount over the directory: one with files open for writing cannot be made read-only.
func readOnlyDisk(t childtest.T, dir string) {
	k, told, b, opts := onSmallDisk(t, dir)
	opts.MaxDiskBytes = 1 << 16 // small segments
	_, err := b.Close(within(time.Second))
	require.NoError(t, err)
	b, err = Open(opts)
	require.NoError(t, err)
	for v := range int64(40) {
		require.NoError(t, b.Add(within(time.Second), noisyPoint(v+1)))
	}
	require.NoError(t, syscall.Mount(dir, dir, "", syscall.MS_BIND, ""))
	require.NoError(t, syscall.Mount(dir, dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	last, full := filling(t, b, 41)
	require.ErrorIs(t, full, syscall.EROFS)
	k.set(willing)
	eventually(t, "drained", func() bool { return b.Stats().Streams == 0 })
	require.Equal(t, upTo(last), k.taken("a"), "what can be read is delivered")
	balanced(t, b.Stats())
	require.Len(t, told.all(), 1)

	require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH))
	k.set(busy)
	time.Sleep(storagePause + storagePause/10)
	for v := range int64(10) {
		require.NoError(t, b.Add(within(time.Second), noisyPoint(last+v+1)))
	}
	require.Len(t, told.all(), 2)
	require.NoError(t, told.all()[1])
	left, err := b.Close(within(3 * time.Second))
	require.NoError(t, err)
	require.Equal(t, Left{Stored: 10}, left, "what is done is done")
	b, err = Open(opts)
	require.NoError(t, err)
	require.EqualValues(t, 10, b.Stats().Recovered)
	_, err = b.Close(within(3 * time.Second))
	require.NoError(t, err)
	fmt.Printf("%d points", last)
}
