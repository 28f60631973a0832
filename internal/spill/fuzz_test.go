package spill

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzScan: whatever a file holds, a scan ends, and records and gaps tile it.
func FuzzScan(f *testing.F) {
	whole, at := written(f, 3)
	for _, b := range [][]byte{whole, whole[:at[2]+20], whole[:5], bytes.Clone(whole[at[1]:]), bytes.Repeat(formats[1].magic, 40_000)} {
		f.Add(b, true)
		f.Add(b, false)
	}
	f.Fuzz(func(t *testing.T, b []byte, headerOK bool) {
		end := int64(fileHeaderBytes)
		if !headerOK {
			end = 0
		}
		end = min(end, int64(len(b)))
		gaps := 0
		err := scan(bytes.NewReader(b), int64(len(b)), 1, formats[1], headerOK, found{
			record: func(off int64, h header) {
				require.Equal(t, end, off)
				end = off + recordHeaderBytes + int64(h.stored)
				gaps = 0
			},
			gap: func(g gap) {
				require.Equal(t, end, g.from)
				require.Greater(t, g.to, g.from)
				require.Equal(t, g.tail, g.to == int64(len(b)))
				end = g.to
				gaps++
				require.LessOrEqual(t, gaps, 2, "one that is unreadable, and a record that is cut")
			},
		})
		require.NoError(t, err)
		require.Equal(t, int64(len(b)), end)
	})
}

// FuzzOpen: whatever two files hold, what can be read is read, and the books are exact.
func FuzzOpen(f *testing.F) {
	whole, at := written(f, 3)
	marks := appendMark(appendMark(fileHeader(doneMagic), 1, at[0]), 1, at[2])
	for _, b := range [][]byte{whole, whole[:at[2]+20], whole[:5], noise(300, 1)} {
		f.Add(b, []byte{})
		f.Add(b, marks)
		f.Add(b, marks[:len(marks)-3])
	}
	f.Fuzz(func(t *testing.T, segment, marks []byte) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, name(1, segExt)), segment, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name(1, doneExt)), marks, 0o600))
		l, err := Open(Options{Directory: dir})
		if errors.Is(err, ErrVersion) {
			return
		}
		require.NoError(t, err)
		for _, q := range l.Lanes() {
			for _, r := range pending(t, l, q.Lane) {
				require.NoError(t, l.Done(t.Context(), r.Lane, r.Seq))
			}
		}
		require.Empty(t, l.Lanes())
		checkBooks(t, l)
		require.NoError(t, l.Close(context.Background()))
		l, err = Open(Options{Directory: dir})
		require.NoError(t, err)
		require.Zero(t, l.Stats().Pending)
		require.NoError(t, l.Close(context.Background()))
	})
}
