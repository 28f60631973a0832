package spill

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// written returns the bytes of a segment with n records of 100 bytes and a point each, and where they begin.
func written(tb testing.TB, n uint64) (b []byte, offsets []int64) {
	tb.Helper()
	opts := Options{Directory: tb.TempDir()}
	l := open(tb, opts)
	for seq := uint64(1); seq <= n; seq++ {
		add(tb, l, Record{Seq: seq, Points: 1, Data: noise(100, seq)})
		offsets = append(offsets, fileHeaderBytes+int64(seq-1)*(recordHeaderBytes+100))
	}
	require.NoError(tb, l.Close(tb.Context()))
	b, err := os.ReadFile(filepath.Join(opts.Directory, name(1, segExt)))
	require.NoError(tb, err)
	return b, offsets
}

func TestDamage(t *testing.T) {
	whole, at := written(t, 5)
	size := int64(len(whole))
	cut := func(from, to int64) func([]byte) []byte {
		return func(b []byte) []byte { return append(b[:from:from], b[to:]...) }
	}
	flip := func(off int64) func([]byte) []byte {
		return func(b []byte) []byte { b[off] ^= 4; return b }
	}
	zero := func(from, to int64) func([]byte) []byte {
		return func(b []byte) []byte { clear(b[from:to]); return b }
	}
	for _, tt := range []struct {
		name                      string
		do                        func([]byte) []byte
		seqs                      []uint64
		torn, unreadable, damaged Amount
		kept                      map[string]int64 // aside
	}{
		{name: "nothing", do: cut(0, 0), seqs: []uint64{1, 2, 3, 4, 5}},
		{name: "empty file", do: cut(0, size)},
		{name: "half a file header", do: cut(7, size), torn: Amount{Bytes: 7}, kept: map[string]int64{"0000000000000001.seg.damaged": 7}},
		{
			name: "file header", do: flip(9), seqs: []uint64{1, 2, 3, 4, 5}, unreadable: Amount{Bytes: 16},
			kept: map[string]int64{"0000000000000001-0.damaged": 16},
		},
		{
			name: "half the data of the last record", do: cut(size-50, size), seqs: []uint64{1, 2, 3, 4}, torn: Amount{1, 1, 98},
			kept: map[string]int64{"0000000000000001-608.damaged": 98},
		},
		{
			name: "half the header of the last record", do: cut(at[4]+20, size), seqs: []uint64{1, 2, 3, 4}, torn: Amount{Bytes: 20},
			kept: map[string]int64{"0000000000000001-608.damaged": 20},
		},
		{
			name: "zeros at the end", do: zero(at[3], size), seqs: []uint64{1, 2, 3}, torn: Amount{Bytes: 296},
			kept: map[string]int64{"0000000000000001-460.damaged": 296},
		},
		{
			name: "header in the middle", do: flip(at[2] + 9), seqs: []uint64{1, 2, 4, 5}, unreadable: Amount{Bytes: 148},
			kept: map[string]int64{"0000000000000001-312.damaged": 148},
		},
		{
			name: "data in the middle", do: flip(at[2] + 90), seqs: []uint64{1, 2, 4, 5}, damaged: Amount{1, 1, 148},
			kept: map[string]int64{"0000000000000001-312.damaged": 148},
		},
		{
			name: "a page in the middle", do: zero(at[1]+100, at[3]+10), seqs: []uint64{1, 5}, damaged: Amount{1, 1, 148},
			unreadable: Amount{Bytes: 296}, kept: map[string]int64{"0000000000000001-164.damaged": 148, "0000000000000001-312.damaged": 296},
		},
		{
			// What follows is whole, but not where it was written: no record is taken for another.
			name: "a piece is missing", do: cut(at[1], at[2]), seqs: []uint64{1}, torn: Amount{Bytes: 444},
			kept: map[string]int64{"0000000000000001-164.damaged": 444},
		},
		{
			name: "something else", do: func([]byte) []byte { return noise(100_000, 3) }, unreadable: Amount{Bytes: 100_000},
			kept: map[string]int64{"0000000000000001.seg.damaged": 100_000},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := Options{Directory: t.TempDir()}
			path := filepath.Join(opts.Directory, name(1, segExt))
			require.NoError(t, os.WriteFile(path, tt.do(append([]byte{}, whole...)), 0o600))
			l := open(t, opts)
			assert.Equal(t, tt.seqs, seqs(pending(t, l, 0)))
			s := l.Stats()
			assert.Equal(t, tt.torn, s.Torn)
			assert.Equal(t, tt.unreadable, s.Unreadable)
			assert.Equal(t, tt.damaged, s.Damaged)
			assert.Zero(t, s.Discarded)
			checkBooks(t, l)
			kept := map[string]int64{}
			files, err := os.ReadDir(filepath.Join(opts.Directory, asideName))
			require.NoError(t, err)
			for _, f := range files {
				kept[f.Name()] = fileSize(filepath.Join(opts.Directory, asideName, f.Name()))
			}
			if tt.kept == nil {
				tt.kept = map[string]int64{}
			}
			assert.Equal(t, tt.kept, kept)

			add(t, l, Record{Seq: 9, Data: []byte("goes on")})
			require.NoError(t, l.Close(t.Context()))
			l = open(t, opts)
			assert.Equal(t, append(tt.seqs, 9), seqs(pending(t, l, 0)))
			assert.Zero(t, l.Stats().Torn)
			assert.Zero(t, l.Stats().Unreadable)
			checkBooks(t, l)
		})
	}
}

func TestDamageThereIsNoRoomFor(t *testing.T) {
	whole, at := written(t, 5)
	whole[at[2]] ^= 1
	opts := Options{Directory: t.TempDir(), MaxAsideBytes: 100}
	require.NoError(t, os.WriteFile(filepath.Join(opts.Directory, name(1, segExt)), whole, 0o600))
	l := open(t, opts)
	assert.Equal(t, Amount{Bytes: 148}, l.Stats().Discarded)
	assert.Zero(t, l.Stats().AsideBytes)
	require.NoError(t, l.Close(t.Context()))
	assert.Zero(t, open(t, opts).Stats().Discarded, "it is counted once")
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, asideName), 0o700))
	files := map[string]string{
		"README": "mine", "0000000000000001.seg.bak": "x", "ffffffffffffffff.seg": "no number of ours", "000000000000000A.seg": "nor this",
		"1.seg": "", "0000000000000000.seg": "", "0000000000000003.done": "marks of nothing, and none of ours", "aside/notes": "mine",
	}
	for f, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, f), []byte(text), 0o644))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, name(5, segExt)), 0o700))
	require.NoError(t, os.Symlink("README", filepath.Join(dir, name(6, segExt))))
	l := open(t, Options{Directory: dir})
	assert.Equal(t, len(files)+2, l.Stats().Foreign)
	add(t, l, Record{Seq: 1})
	assert.FileExists(t, filepath.Join(dir, name(7, segExt)), "no number in use is taken")
	require.NoError(t, l.Close(t.Context()))
	for f, text := range files {
		b, err := os.ReadFile(filepath.Join(dir, f))
		require.NoError(t, err)
		assert.Equal(t, text, string(b))
	}
}

func TestSegmentThatIsDeletedUnderTheLog(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Options{Directory: dir, SegmentBytes: 300})
	for seq := uint64(1); seq <= 4; seq++ {
		add(t, l, Record{Seq: seq, Points: 2, Data: noise(100, seq)})
	}
	require.NoError(t, os.Remove(filepath.Join(dir, name(1, segExt))))
	require.NoError(t, os.Truncate(filepath.Join(dir, name(2, segExt)), 20))
	assert.Equal(t, []uint64{3, 4}, seqs(pending(t, l, 0)))
	assert.Equal(t, Amount{2, 4, 296}, l.Stats().Damaged)

	require.NoError(t, os.RemoveAll(dir))
	_, err := l.Read(t.Context(), 0, 0, nil)
	require.ErrorIs(t, err, ErrUnavailable, "nothing is given up while the directory is gone")
	assert.Equal(t, 2, l.Pending(0))
}

// TestTwice is what a crash between moving a record and deleting where it was leaves.
func TestTwice(t *testing.T) {
	opts := Options{Directory: t.TempDir()}
	l := open(t, opts)
	add(t, l, Record{Seq: 1, Points: 1, Data: []byte("once")})
	require.NoError(t, l.acquire(t.Context()))
	m := l.entriesOf(l.active)[0]
	require.NoError(t, l.seal())
	require.True(t, l.copy(&m))
	l.release()
	opts = Options{Directory: t.TempDir()}
	require.NoError(t, os.CopyFS(opts.Directory, os.DirFS(l.opts.Directory)))

	l = open(t, opts)
	assert.Equal(t, []uint64{1}, seqs(pending(t, l, 0)))
	assert.Equal(t, Amount{1, 1, 52}, l.Stats().Recovered)
	assert.NoFileExists(t, filepath.Join(opts.Directory, name(1, segExt)))
	checkBooks(t, l)
	require.NoError(t, l.Done(t.Context(), 0, 1))
	require.NoError(t, l.Close(t.Context()))
	assert.Empty(t, open(t, opts).Lanes())
}

func TestWhatWasDoneIsNotLostWhenItIsCut(t *testing.T) {
	whole, at := written(t, 2)
	opts := Options{Directory: t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(opts.Directory, name(1, segExt)), whole[:len(whole)-1], 0o600))
	marks := appendMark(fileHeader(doneMagic), 1, at[1])
	require.NoError(t, os.WriteFile(filepath.Join(opts.Directory, name(1, doneExt)), marks, 0o600))
	l := open(t, opts)
	assert.Equal(t, Amount{Bytes: 147}, l.Stats().Torn)
	assert.Equal(t, []uint64{1}, seqs(pending(t, l, 0)))
}

func TestReadFilePassesWhatIsDamaged(t *testing.T) {
	whole, at := written(t, 4)
	whole[at[1]] ^= 1
	whole[at[3]+60] ^= 1
	path := filepath.Join(t.TempDir(), name(1, segExt))
	require.NoError(t, os.WriteFile(path, whole, 0o600))
	var got []uint64
	unreadable, err := ReadFile(path, func(r Record) error {
		got = append(got, r.Seq)
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, []uint64{1, 3}, got)
	assert.Equal(t, int64(2*148), unreadable)
	_, err = ReadFile(path, func(Record) error { return os.ErrInvalid })
	require.ErrorIs(t, err, os.ErrInvalid)
	_, err = ReadFile(filepath.Join(filepath.Dir(path), "other.seg"), nil)
	require.ErrorContains(t, err, "no segment by its name")
}
