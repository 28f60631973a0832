package spill

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
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

// damage changes two files as a fuzzer says: 4 bytes for what, and where.
func damage(files [2][]byte, edits []byte) [2][]byte {
	for ; len(edits) >= 4; edits = edits[4:] {
		b := &files[edits[0]>>7]
		if len(*b) == 0 {
			continue
		}
		at := (int(edits[1])<<8 | int(edits[2])) % len(*b)
		to := min(at+int(edits[3]), len(*b))
		switch edits[0] & 7 {
		case 0:
			*b = (*b)[:at]
		case 1:
			*b = slices.Delete(*b, at, to)
		case 2:
			*b = slices.Insert(*b, at, bytes.Clone((*b)[at:to])...)
		case 3:
			clear((*b)[at:to])
		case 4:
			copy((*b)[to:], bytes.Clone((*b)[at:to]))
		default:
			(*b)[at] ^= edits[3]
		}
	}
	return files
}

// FuzzOpen: however a segment and its marks are damaged, what is read is what was written, the books are exact, and nothing that
// is done comes again.
func FuzzOpen(f *testing.F) {
	whole, at := written(f, 5)
	marks := appendMark(appendMark(fileHeader(doneMagic), 1, at[0]), 1, at[2])
	for op := range byte(8) {
		f.Add([]byte{op, 1, 60, 200})
		f.Add([]byte{op | 128, 0, 20, 30, op, 0, 70, 1})
	}
	f.Fuzz(func(t *testing.T, edits []byte) {
		files := damage([2][]byte{bytes.Clone(whole), bytes.Clone(marks)}, edits)
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, name(1, segExt)), files[0], 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name(1, doneExt)), files[1], 0o600))
		l, err := Open(Options{Directory: dir})
		require.NoError(t, err)
		for _, q := range l.Lanes() {
			for _, r := range pending(t, l, q.Lane) {
				require.Equal(t, Record{Seq: r.Seq, Points: 1, Data: noise(100, r.Seq)}, r)
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
