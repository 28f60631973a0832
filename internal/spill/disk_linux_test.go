package spill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/internal/childtest"
)

func init() {
	childtest.RegisterOnTmpfs("tmpfs", "512k", fillDisk)
	childtest.RegisterOnTmpfs("drained", "512k", drainedDisk)
	childtest.RegisterOnTmpfs("readonly", "512k", readOnlyDisk)
	childtest.Register("rlimit", rlimitChild)
}

func TestDiskIsFull(t *testing.T)        { childtest.RunInNamespace(t, "tmpfs") }
func TestFullDiskIsDrained(t *testing.T) { childtest.RunInNamespace(t, "drained") }
func TestDiskIsReadOnly(t *testing.T)    { childtest.RunInNamespace(t, "readonly") }
func TestFileLimit(t *testing.T)         { childtest.Run(t, "rlimit") }

// fill appends until there is no room, and checks what is there then.
func fill(t childtest.T, l *Log, seq uint64, wantErr ...error) uint64 {
	for ; ; seq++ {
		before := l.Stats()
		_, err := l.Append(context.Background(), Record{Seq: seq, Points: 1, Data: noise(10_000, seq)})
		if err == nil {
			continue
		}
		for _, want := range wantErr {
			require.ErrorIs(t, err, want)
		}
		after := l.Stats()
		require.Equal(t, before.Pending, after.Pending)
		checkBooks(t, l)
		for _, r := range pending(t, l, 0) {
			require.Equal(t, noise(10_000, r.Seq), r.Data)
		}
		return seq
	}
}

func fillDisk(t childtest.T, dir string) {
	ctx := context.Background()
	opts := Options{Directory: filepath.Join(dir, "spill"), SegmentBytes: 100_000}
	l, err := Open(opts)
	require.NoError(t, err)
	n := fill(t, l, 1, ErrFull, syscall.ENOSPC)
	require.Greater(t, n, uint64(40))
	require.Equal(t, n, fill(t, l, n, ErrFull), "it stays so")

	// What is done makes room, although marks may find none at first.
	for seq := uint64(1); seq <= 20; seq++ {
		if err := l.Done(ctx, 0, seq); err != nil {
			require.ErrorIs(t, err, ErrFull)
		}
	}
	more := fill(t, l, n, ErrFull)
	require.Greater(t, more, n+10)

	// There is no room to set one aside, until there is.
	require.ErrorIs(t, l.SetAside(ctx, 0, 22), ErrFull)
	r, err := l.Read(ctx, 0, 21, nil)
	require.NoError(t, err)
	require.Equal(t, uint64(22), r.Seq, "it still waits")
	for _, seq := range []uint64{21, 28, 29, 30, 31, 32, 33, 34, 35, 36} {
		_ = l.Done(ctx, 0, seq)
	}
	require.NoError(t, l.SetAside(ctx, 0, 22))
	_ = fill(t, l, more, ErrFull)
	checkBooks(t, l)
	waits := l.Stats().Pending
	require.NoError(t, l.Close(ctx))
	l, err = Open(opts)
	require.NoError(t, err, "a full disk does not keep a log from opening")
	s := l.Stats()
	require.Zero(t, s.Torn, "half a record was cut off")
	require.Zero(t, s.Unreadable)
	require.Equal(t, waits, s.Pending)
	for _, r := range pending(t, l, 0) {
		require.NoError(t, l.Done(ctx, 0, r.Seq))
	}
	checkBooks(t, l)
	require.Greater(t, fill(t, l, 1, ErrFull), n-10)
	require.NoError(t, l.Close(ctx))
	fmt.Printf("%d records, then %d", n, more)
}

// drainedDisk is full of a single segment.
func drainedDisk(t childtest.T, dir string) {
	ctx := context.Background()
	l, err := Open(Options{Directory: filepath.Join(dir, "spill")})
	require.NoError(t, err)
	n := fill(t, l, 1, ErrFull, syscall.ENOSPC)
	for seq := uint64(1); seq < n; seq++ {
		if err := l.Done(ctx, 0, seq); err != nil {
			require.ErrorIs(t, err, ErrFull)
			require.Less(t, seq, n-1, "what is empty is not full")
		}
	}
	checkBooks(t, l)
	require.Equal(t, n+n-1, fill(t, l, n, ErrFull, syscall.ENOSPC), "all room is there again")

	// There is room for marks, and then somebody else fills the disk.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "foreign"), nil, 0o600))
	for seq := n; seq < n+n-1; seq++ {
		_ = l.Done(ctx, 0, seq)
	}
	for seq := uint64(1); seq <= 5; seq++ {
		_, err := l.Append(ctx, Record{Seq: seq, Data: noise(10_000, seq)})
		require.NoError(t, err)
		require.NoError(t, l.Done(ctx, 0, seq))
	}
	require.NoError(t, fillForeign(filepath.Join(dir, "foreign")))
	_, err = l.Append(ctx, Record{Seq: 6, Data: noise(10_000, 6)})
	require.NoError(t, err, "what is done gives way")
	checkBooks(t, l)
	require.NoError(t, l.Close(ctx))
}

// fillForeign makes a file as large as the disk lets it.
func fillForeign(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0o600)
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return f.Close()
}

func remount(t childtest.T, dir string, flags uintptr) {
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, ""))
}

func readOnlyDisk(t childtest.T, dir string) {
	ctx := context.Background()
	opts := Options{Directory: filepath.Join(dir, "spill")}
	l, err := Open(opts)
	require.NoError(t, err)
	for seq := uint64(1); seq <= 3; seq++ {
		_, err := l.Append(ctx, Record{Seq: seq, Data: []byte("x")})
		require.NoError(t, err)
	}
	require.NoError(t, l.acquire(ctx)) // a file that is open for writing would keep the disk from being remounted
	require.NoError(t, l.seal())
	l.release()
	require.NoError(t, l.lock.Close())
	remount(t, dir, syscall.MS_RDONLY)
	_, err = l.Append(ctx, Record{Seq: 4})
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorIs(t, err, syscall.EROFS)
	require.Len(t, pending(t, l, 0), 3)
	require.ErrorIs(t, l.Done(ctx, 0, 1), ErrUnavailable)
	require.ErrorIs(t, l.SetAside(ctx, 0, 2), ErrUnavailable)
	require.Len(t, pending(t, l, 0), 2, "what is done is done, marked or not")
	_, err = Open(opts)
	require.ErrorIs(t, err, ErrUnavailable)

	remount(t, dir, 0)
	_, err = l.Append(ctx, Record{Seq: 4})
	require.NoError(t, err)
	require.NoError(t, l.Done(ctx, 0, 2))
	checkBooks(t, l)
	_ = l.Close(ctx) // complains of the lock, which is closed
	l, err = Open(opts)
	require.NoError(t, err)
	require.Equal(t, []uint64{3, 4}, seqs(pending(t, l, 0)))
	require.NoError(t, l.Close(ctx))
}

// rlimitChild is for where nothing can be mounted: files cannot grow beyond a size that is in the middle of a record.
func rlimitChild() {
	t, ctx := childtest.T{}, context.Background()
	signal.Ignore(syscall.SIGXFSZ)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 123_456, Max: 123_456}))
	opts := Options{Directory: workingDirectory()}
	l, err := Open(opts)
	require.NoError(t, err)
	n := fill(t, l, 1, ErrFull, syscall.EFBIG)
	assert.Equal(t, uint64(13), n)
	require.NoError(t, l.Done(ctx, 0, 1))
	require.NoError(t, l.Close(ctx))
	l, err = Open(opts)
	require.NoError(t, err)
	require.Zero(t, l.Stats().Torn)
	require.Equal(t, n-2, l.Stats().Pending.Records)
	require.NoError(t, l.Close(ctx))
}
