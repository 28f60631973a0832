package spill

import (
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden directory of the current version")

// golden is what testdata/v*/ holds, record 3 done.
var golden = []Record{
	{Lane: 1, Seq: 1, Points: 1, Data: []byte("stored as it is")},
	{Lane: 1, Seq: 2, Points: 2, Data: make([]byte, 5000)},
	{Lane: 1, Seq: 3, Points: 3, Data: []byte("done")},
	{Lane: 1 << 63, Seq: 1 << 40, Points: 1 << 50, Data: []byte("large numbers")},
	{Lane: 2, Seq: 1},
}

func TestWriteGolden(t *testing.T) {
	if !*update {
		t.Skip("writes testdata with -update")
	}
	dir := filepath.Join("testdata", "v1")
	require.NoError(t, os.RemoveAll(dir))
	l := open(t, Options{Directory: dir})
	for _, r := range golden {
		add(t, l, r)
	}
	require.NoError(t, l.Done(t.Context(), 1, 3))
	require.NoError(t, l.Close(t.Context()))
	require.NoError(t, os.Remove(filepath.Join(dir, lockName)))
	require.NoError(t, os.Remove(filepath.Join(dir, asideName)))
}

// TestEveryVersionStaysReadable: a format that is written no more keeps its directory in testdata.
func TestEveryVersionStaysReadable(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join("testdata", "v*"))
	require.NoError(t, err)
	require.Len(t, dirs, len(formats))
	for _, dir := range dirs {
		marks, err := filepath.Glob(filepath.Join(dir, "*.done"))
		require.NoError(t, err)
		require.NotEmpty(t, marks, "marks stay readable, too")
		copied := t.TempDir()
		require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
		l := open(t, Options{Directory: copied})
		var got []Record
		for _, lane := range []uint64{1, 1 << 63, 2} {
			got = append(got, pending(t, l, lane)...)
		}
		assert.Equal(t, []Record{golden[0], golden[1], golden[3], golden[4]}, got, dir)
		assert.Zero(t, l.Stats().Unreadable)
		checkBooks(t, l)
	}
}

// TestTheFormatHasNotChanged compares with what was written, but for compressed data, which zstd may improve.
func TestTheFormatHasNotChanged(t *testing.T) {
	opts := Options{Directory: t.TempDir()}
	l := open(t, opts)
	add(t, l, golden[0])
	require.NoError(t, l.Close(t.Context()))
	got, err := os.ReadFile(filepath.Join(opts.Directory, name(1, segExt)))
	require.NoError(t, err)
	want, err := os.ReadFile(filepath.Join("testdata", "v1", name(1, segExt)))
	require.NoError(t, err)
	assert.Equal(t, want[:len(got)], got)
}

func TestUnknownVersionIsRefusedAndKept(t *testing.T) {
	for ext, magic := range map[string][]byte{segExt: segmentMagic, doneExt: doneMagic} {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "v1"))))
		torn := filepath.Join(dir, name(2, segExt))
		require.NoError(t, os.WriteFile(torn, []byte("torn"), 0o600))
		path := filepath.Join(dir, name(3, ext))
		b := binary.LittleEndian.AppendUint32(append([]byte{}, magic...), 2)
		b = binary.LittleEndian.AppendUint32(b, checksum(b))
		b = append(b, "of the future"...)
		require.NoError(t, os.WriteFile(path, b, 0o600))

		for range 2 { // it is not locked for ever
			_, err := Open(Options{Directory: dir})
			require.ErrorIs(t, err, ErrVersion)
			require.ErrorContains(t, err, path+" has version 2")
		}
		if ext == segExt {
			_, err := ReadFile(path, func(Record) error { return nil })
			require.ErrorIs(t, err, ErrVersion)
		}
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, b, got)
		assert.FileExists(t, torn, "nothing else is touched either")

		require.NoError(t, os.Remove(path))
		open(t, Options{Directory: dir})
	}
}
