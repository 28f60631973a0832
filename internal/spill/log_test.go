package spill

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLanesAreReadInOrderOfTheirNumbers(t *testing.T) {
	l := open(t, Options{Directory: t.TempDir()})
	for _, seq := range []uint64{11, 12, 13, 5, 7, 6} { // what memory held in front is spilled last
		add(t, l, Record{Lane: 1, Seq: seq, Points: seq, Data: []byte("one")})
	}
	add(t, l, Record{Lane: 2, Seq: 1, Data: []byte("two")})
	assert.Equal(t, []uint64{5, 6, 7, 11, 12, 13}, seqs(pending(t, l, 1)))
	assert.Equal(t, []uint64{1}, seqs(pending(t, l, 2)))
	assert.Equal(t, 6, l.Pending(1))
	require.NoError(t, l.Done(t.Context(), 1, 5))
	require.NoError(t, l.Done(t.Context(), 1, 11))
	assert.Equal(t, []uint64{6, 7, 12, 13}, seqs(pending(t, l, 1)))
	require.ErrorIs(t, l.Done(t.Context(), 1, 5), ErrNotFound)
	require.ErrorIs(t, l.Done(t.Context(), 3, 5), ErrNotFound)
	require.ErrorIs(t, l.SetAside(t.Context(), 1, 5), ErrNotFound)
	_, err := l.Read(t.Context(), 3, 0, nil)
	require.ErrorIs(t, err, ErrNotFound)
	lanes := l.Lanes()
	require.Len(t, lanes, 2)
	assert.Equal(t, LaneStats{Lane: 1, Amount: Amount{4, 38, lanes[0].Bytes}, First: 6, Last: 13}, lanes[0])
	checkBooks(t, l)
}

func TestAppendRefuses(t *testing.T) {
	l := open(t, Options{Directory: t.TempDir(), MaxDiskBytes: 4000, MaxRecordBytes: 10_000, MaxRecords: 2})
	for want, r := range map[error]Record{
		ErrSequence: {Data: []byte("0 is no number")},
		ErrTooLarge: {Seq: 1, Data: make([]byte, 10_001)},
	} {
		_, err := l.Append(t.Context(), r)
		require.ErrorIs(t, err, want)
	}
	_, err := l.Append(t.Context(), Record{Seq: 1, Data: noise(5000, 1)})
	require.ErrorIs(t, err, ErrTooLarge, "it would never fit")
	add(t, l, Record{Seq: 1})
	_, err = l.Append(t.Context(), Record{Seq: 1})
	require.ErrorIs(t, err, ErrSequence)
	add(t, l, Record{Seq: 2})
	_, err = l.Append(t.Context(), Record{Seq: 3})
	require.ErrorIs(t, err, ErrFull)
	require.NoError(t, l.Done(t.Context(), 0, 1))
	add(t, l, Record{Seq: 3})
	checkBooks(t, l)
}

func TestFullLogTakesMoreWhenSomeIsDone(t *testing.T) {
	for _, lanes := range []uint64{1, 3} {
		l := open(t, Options{Directory: t.TempDir(), MaxDiskBytes: 100_000, SegmentBytes: 10_000})
		fill := func(seq uint64) uint64 {
			for ; ; seq++ {
				_, err := l.Append(t.Context(), Record{Lane: seq % lanes, Seq: seq, Data: noise(1000, seq)})
				if err != nil {
					require.ErrorIs(t, err, ErrFull)
					return seq
				}
			}
		}
		n := fill(1)
		assert.Greater(t, n, uint64(70), "most of 90,000")
		for seq := uint64(1); seq < n; seq++ {
			if lanes == 1 || seq%lanes != 0 { // lane 0 stands still
				require.NoError(t, l.Done(t.Context(), seq%lanes, seq))
			}
		}
		assert.Greater(t, fill(n)-n, uint64(30), "what stands still does not keep the space of what is done")
		checkBooks(t, l)
		assert.LessOrEqual(t, l.Stats().DiskBytes, int64(100_000))
	}
}

func TestRecordsThatWaitAreMovedOutOfSparseSegments(t *testing.T) {
	for _, fsync := range []bool{true, false} {
		opts := Options{Directory: t.TempDir(), MaxDiskBytes: 100_000, SegmentBytes: 10_000, Fsync: fsync}
		l := open(t, opts)
		for seq := uint64(1); seq <= 300; seq++ {
			lane := min(seq%50, 1) // every 50th stands still
			_, err := l.Append(t.Context(), Record{Lane: lane, Seq: seq, Points: 1, Data: noise(1000, seq)})
			require.NoError(t, err)
			if lane == 1 {
				require.NoError(t, l.Done(t.Context(), 1, seq))
			}
		}
		checkBooks(t, l)
		check := func(l *Log) {
			got := pending(t, l, 0)
			require.Len(t, got, 6)
			for _, r := range got {
				assert.Equal(t, noise(1000, r.Seq), r.Data)
			}
		}
		check(l)
		require.NoError(t, l.Close(t.Context()))
		l = open(t, opts)
		check(l)
		checkBooks(t, l)
	}
}

func TestFilesGoWhenAllIsDone(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Options{Directory: dir, SegmentBytes: 1000})
	for seq := uint64(1); seq <= 20; seq++ {
		add(t, l, Record{Seq: seq, Data: noise(400, seq)})
	}
	assert.Equal(t, 10, l.Stats().Segments)
	for seq := uint64(1); seq <= 20; seq++ {
		require.NoError(t, l.Done(t.Context(), 0, seq))
	}
	assert.Equal(t, 1, l.Stats().Segments, "the one that takes appends")
	require.NoError(t, l.Close(t.Context()))
	assert.Zero(t, diskUsage(t, dir))
	assert.Zero(t, l.Stats().DiskBytes)
}

func TestOnlyTheOwnerHasAccess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	l := open(t, Options{Directory: dir, MaxDiskBytes: 1 << 20})
	add(t, l, Record{Seq: 1, Data: []byte("x")})
	add(t, l, Record{Seq: 2, Data: []byte("x")})
	require.NoError(t, l.Done(t.Context(), 0, 2))
	require.NoError(t, l.SetAside(t.Context(), 0, 1))
	files := 0
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		} else {
			files++
		}
		assert.Equal(t, want, info.Mode().Perm(), path)
		return nil
	}))
	assert.Equal(t, 4, files, "lock, segment, marks, aside")
}

func TestOneLogPerDirectory(t *testing.T) {
	opts := Options{Directory: t.TempDir()}
	l := open(t, opts)
	_, err := Open(opts)
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, opts.Directory)
	require.NoError(t, l.Close(t.Context()))
	open(t, opts)
}

func TestOpenWhereNothingCanBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Open(Options{Directory: filepath.Join(file, "spill")})
	require.ErrorIs(t, err, ErrUnavailable)
}

func TestClosed(t *testing.T) {
	l := open(t, Options{Directory: t.TempDir(), Fsync: true})
	receipt, err := l.Append(t.Context(), Record{Seq: 1})
	require.NoError(t, err)
	require.NoError(t, l.Close(t.Context()))
	require.NoError(t, l.Close(t.Context()))
	require.NoError(t, receipt.Wait(t.Context()), "Close has synced it")
	_, err = l.Append(t.Context(), Record{Seq: 2})
	require.ErrorIs(t, err, ErrClosed)
	_, err = l.Read(t.Context(), 0, 0, nil)
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, l.Done(t.Context(), 0, 1), ErrClosed)
	require.ErrorIs(t, l.SetAside(t.Context(), 0, 1), ErrClosed)
}

func TestSetAside(t *testing.T) {
	opts := Options{Directory: t.TempDir(), MaxAsideBytes: 700}
	l := open(t, opts)
	want := Record{Lane: 7, Seq: 1, Points: 3, Data: noise(400, 1)}
	add(t, l, want)
	add(t, l, Record{Lane: 7, Seq: 2, Points: 4, Data: noise(400, 2)})
	require.NoError(t, l.SetAside(t.Context(), 7, 1))
	require.NoError(t, l.SetAside(t.Context(), 7, 2), "nothing is in the way of the lane, room or not")
	s := l.Stats()
	assert.Equal(t, Amount{2, 7, 896}, s.SetAside)
	assert.Equal(t, Amount{1, 4, 448}, s.Discarded)
	checkBooks(t, l)
	require.NoError(t, l.Close(t.Context()))

	files, err := filepath.Glob(filepath.Join(opts.Directory, asideName, "*.seg"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	var got []Record
	unreadable, err := ReadFile(files[0], func(r Record) error {
		r.Data = bytes.Clone(r.Data)
		got = append(got, r)
		return nil
	})
	require.NoError(t, err)
	assert.Zero(t, unreadable)
	assert.Equal(t, []Record{want}, got)

	l = open(t, opts)
	assert.Equal(t, int64(464), l.Stats().AsideBytes)
	assert.Empty(t, l.Lanes())
}

// syncedSizes knows how much of each file has been synced.
type syncedSizes struct {
	mu    sync.Mutex
	sizes map[string]int64
	calls int
}

func (s *syncedSizes) fsync(f *os.File) error {
	size := fileSize(f.Name())
	err := f.Sync()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.sizes[f.Name()] = size
	return err
}

func (s *syncedSizes) size(path string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sizes[path]
}

func TestAppendersShareLanesAndCommits(t *testing.T) {
	opts := Options{Directory: t.TempDir(), Fsync: true, SegmentBytes: 20_000}
	l := open(t, opts)
	synced := syncedSizes{sizes: map[string]int64{}}
	l.fsync = synced.fsync
	const workers, each = 16, 50
	var wg sync.WaitGroup
	for w := range uint64(workers) {
		wg.Go(func() {
			for i := range uint64(each) {
				r := Record{Lane: w % 3, Seq: i*workers + w + 1, Points: 2, Data: noise(100, i)}
				receipt, err := l.Append(t.Context(), r)
				assert.NoError(t, err)
				assert.NoError(t, receipt.Wait(t.Context()))
				e, err := l.locate(r.Lane, r.Seq-1)
				assert.Equal(t, r.Seq, e.seq, err)
				assert.GreaterOrEqual(t, synced.size(e.segment.path()), e.off+int64(e.bytes), "it is acknowledged when it is synced")
				if i%2 == 1 {
					_, err := l.Read(t.Context(), r.Lane, r.Seq-1, nil)
					assert.NoError(t, err)
					assert.NoError(t, l.Done(t.Context(), r.Lane, r.Seq))
				}
			}
		})
	}
	wg.Wait()
	checkBooks(t, l)
	require.NoError(t, l.Close(t.Context()))
	t.Logf("%d appends, %d fsyncs", workers*each, synced.calls)
	assert.Less(t, synced.calls, workers*each*3/4)

	l = open(t, opts)
	total := 0
	for lane := range uint64(3) {
		got := seqs(pending(t, l, lane))
		assert.True(t, slices.IsSorted(got))
		total += len(got)
	}
	assert.Equal(t, workers*each/2, total)
}

// TestFsyncThatFails tells those who wait, keeps the record, and does not trust the file any more: a second fsync of the same
// file may succeed although the first one's pages are lost.
func TestFsyncThatFails(t *testing.T) {
	l := open(t, Options{Directory: t.TempDir(), Fsync: true})
	fail := true
	l.fsync = func(f *os.File) error {
		if fail {
			fail = false
			return fs.ErrInvalid
		}
		return f.Sync()
	}
	receipt, err := l.Append(t.Context(), Record{Seq: 1})
	require.NoError(t, err)
	require.ErrorIs(t, receipt.Wait(t.Context()), ErrUnavailable)
	late, err := l.Append(t.Context(), Record{Seq: 2})
	require.NoError(t, err)
	require.NoError(t, late.Wait(t.Context()))
	require.ErrorIs(t, receipt.Wait(t.Context()), ErrUnavailable)
	assert.Equal(t, 2, l.Stats().Segments)
	assert.Equal(t, []uint64{1, 2}, seqs(pending(t, l, 0)))
}

// TestWaitsEnd has a disk that hangs.
func TestWaitsEnd(t *testing.T) {
	l := open(t, Options{Directory: t.TempDir(), Fsync: true})
	hang, hangs := make(chan struct{}), make(chan struct{}, 8)
	l.fsync = func(f *os.File) error {
		hangs <- struct{}{}
		<-hang
		return f.Sync()
	}
	receipt, err := l.Append(t.Context(), Record{Seq: 1})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-hangs
		cancel()
	}()
	require.ErrorIs(t, receipt.Wait(ctx), context.Canceled)
	add := func(seq uint64) error {
		_, err := l.Append(ctx, Record{Seq: seq})
		return err
	}
	require.NoError(t, add(2), "an fsync does not hold up appends")
	require.NoError(t, l.acquire(t.Context())) // as a write that hangs does
	require.ErrorIs(t, add(3), context.Canceled)
	require.ErrorIs(t, l.Done(ctx, 0, 1), context.Canceled)
	require.ErrorIs(t, l.Close(ctx), context.Canceled)
	assert.Equal(t, 1, l.Pending(0))
	_ = l.Stats()
	l.release()
	close(hang)
}

// TestDoneWhileItIsMoved acknowledges records between their copying and its end: the copies must not come back.
func TestDoneWhileItIsMoved(t *testing.T) {
	opts := Options{Directory: t.TempDir(), MaxDiskBytes: 100_000, SegmentBytes: 10_000, Fsync: true}
	l := open(t, opts)
	seq, done := uint64(0), 0
	var victims []moved
	l.fsync = func(*os.File) error {
		if done < len(victims) {
			assert.NoError(t, l.take(0, victims[done].from.seq, &l.stats.Done)) // as Done does before it waits for its turn
			done++
		}
		return nil
	}
	for ; l.Stats().DiskBytes < 75_000; seq++ {
		_, err := l.Append(t.Context(), Record{Lane: min(seq%7, 1), Seq: seq + 1, Data: noise(1000, seq)})
		require.NoError(t, err)
	}
	for i := range seq {
		if i%7 != 0 {
			require.NoError(t, l.Done(t.Context(), 1, i+1))
		}
	}
	s := l.sparsest()
	victims = l.entriesOf(s)
	before := l.Pending(0)
	require.NoError(t, l.acquire(t.Context()))
	require.True(t, l.move(s))
	l.release()
	want := seqs(pending(t, l, 0))
	require.NotZero(t, done)
	require.Len(t, want, before-done)
	checkBooks(t, l)
	opts.Directory = t.TempDir()
	require.NoError(t, os.CopyFS(opts.Directory, os.DirFS(l.opts.Directory)))
	assert.Equal(t, want, seqs(pending(t, open(t, opts), 0)))
}

func TestReadersOfOneDamagedRecord(t *testing.T) {
	opts := Options{Directory: t.TempDir()}
	l := open(t, opts)
	for seq := uint64(1); seq <= 3; seq++ {
		add(t, l, Record{Seq: seq, Points: 1, Data: noise(100, seq)})
	}
	path := filepath.Join(opts.Directory, name(1, segExt))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[100] ^= 1
	require.NoError(t, os.WriteFile(path, b, 0o600))
	require.NoError(t, l.acquire(t.Context())) // all find it, then they may go on
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			r, err := l.Read(t.Context(), 0, 0, nil)
			assert.Equal(t, uint64(2), r.Seq, err)
		})
	}
	runtime.Gosched()
	l.release()
	wg.Wait()
	assert.Equal(t, Amount{1, 1, 148}, l.Stats().Damaged)
	checkBooks(t, l)
}

func TestLaneGivesMemoryBack(t *testing.T) {
	var q lane
	s := &segment{}
	for seq := range uint64(100_000) {
		q.add(entry{seq: seq, segment: s})
		if seq >= 10 {
			_, ok := q.remove(seq - 10)
			require.True(t, ok)
		}
	}
	assert.Len(t, q.waiting(), 10)
	assert.Less(t, cap(q.entries), 500)
}

func TestADirectoryThatIsAwayKeepsWhatIsDone(t *testing.T) {
	opts := Options{Directory: filepath.Join(t.TempDir(), "spill")}
	l := open(t, opts)
	add(t, l, Record{Seq: 1})
	require.NoError(t, l.acquire(t.Context()))
	require.NoError(t, l.seal())
	l.release()
	require.NoError(t, os.Rename(opts.Directory, opts.Directory+".away"))
	require.NoError(t, os.Mkdir(opts.Directory, 0o700)) // where a volume is mounted
	require.ErrorIs(t, l.Done(t.Context(), 0, 1), ErrUnavailable)
	require.NoError(t, os.Remove(opts.Directory))
	require.NoError(t, os.Rename(opts.Directory+".away", opts.Directory))
	require.NoError(t, l.Close(t.Context()))
	l = open(t, opts)
	assert.Zero(t, l.Stats().Recovered, "it would be delivered twice")
}
