package spill

import (
	"context"
	"encoding/binary"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func workingDirectory() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return dir
}

func open(tb testing.TB, opts Options) *Log {
	tb.Helper()
	l, err := Open(opts)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, l.Close(context.Background())) })
	return l
}

// noise does not compress.
func noise(n int, seed uint64) []byte {
	b := make([]byte, 0, n+8)
	r := rand.New(rand.NewPCG(seed, 1))
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, r.Uint64())
	}
	return b[:n]
}

func add(tb testing.TB, l *Log, r Record) {
	tb.Helper()
	receipt, err := l.Append(tb.Context(), r)
	require.NoError(tb, err)
	require.NoError(tb, receipt.Wait(tb.Context()))
}

// pending reads all records of a lane without acknowledging them.
func pending(tb require.TestingT, l *Log, lane uint64) []Record {
	var all []Record
	for after := uint64(0); ; {
		r, err := l.Read(context.Background(), lane, after, nil)
		if err != nil {
			require.ErrorIs(tb, err, ErrNotFound)
			return all
		}
		require.Equal(tb, lane, r.Lane)
		require.Greater(tb, r.Seq, after)
		after = r.Seq
		all = append(all, r)
	}
}

func seqs(records []Record) []uint64 {
	var all []uint64
	for _, r := range records {
		all = append(all, r.Seq)
	}
	return all
}

// diskUsage is what all files take that are a log's.
func diskUsage(tb require.TestingT, dir string) int64 {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == lockName {
			return err
		}
		if _, _, ours := parseName(d.Name()); !ours {
			return nil
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	require.NoError(tb, err)
	return sum
}

// checkBooks proves that the numbers of a log that nobody else uses at the moment are exact.
func checkBooks(tb require.TestingT, l *Log) {
	s := l.Stats()
	sum := func(of func(Amount) uint64) {
		assert.Equal(tb, of(s.Recovered)+of(s.Appended), of(s.Done)+of(s.SetAside)+of(s.Damaged)+of(s.Pending), "%+v", s)
	}
	sum(func(a Amount) uint64 { return a.Records })
	sum(func(a Amount) uint64 { return a.Points })
	sum(func(a Amount) uint64 { return uint64(a.Bytes) })
	require.Equal(tb, diskUsage(tb, l.opts.Directory), s.DiskBytes, "%+v", s)
	require.Equal(tb, diskUsage(tb, l.asideDir()), s.AsideBytes)
	reserved := int64(0)
	for seg := range l.segments {
		room := int64(seg.live+len(seg.unmarked)) * markBytes
		if seg.marked == 0 {
			room += fileHeaderBytes
		}
		require.Equal(tb, room, seg.room, "segment %d", seg.number)
		reserved += room
	}
	require.Equal(tb, reserved, l.reserved)
	var lanes Amount
	for _, q := range l.Lanes() {
		lanes.add(q.Records, q.Points, q.Bytes)
	}
	require.Equal(tb, s.Pending, lanes)
}
