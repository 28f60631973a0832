package spill

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	_ "github.com/sluice-metrics/sluice/internal/proof"
)

// place is where a record is on disk.
type place struct {
	number uint64
	off    int64
}

// key is which record it is.
type key struct{ lane, seq uint64 }

// machine does at random to a log, and to its directory, what callers, crashes and bad disks do, and knows what has to be
// there afterwards: want. It looks into the log only for where records are.
type machine struct {
	log   *Log
	opts  Options
	want  map[key]Record
	taken map[key]bool // numbers are used once, so that a record that comes back is known
	at    map[place]Record
	bytes map[place]int64
	bad   map[uint64]bool // segments with a flipped bit
	torn  map[uint64]bool // segments that were cut
}

func (m *machine) open(t *rapid.T) {
	m.forget()
	l, err := Open(m.opts)
	require.NoError(t, err)
	m.log = l
	m.locate()
}

// forget drops what is known of segments that are gone: if all are, numbers begin anew.
func (m *machine) forget() {
	gone := func(number uint64) bool {
		_, err := os.Stat(filepath.Join(m.opts.Directory, name(number, segExt)))
		return err != nil
	}
	maps.DeleteFunc(m.at, func(p place, _ Record) bool { return gone(p.number) })
	maps.DeleteFunc(m.bad, func(n uint64, _ bool) bool { return gone(n) })
	maps.DeleteFunc(m.torn, func(n uint64, _ bool) bool { return gone(n) })
}

func (m *machine) close(t require.TestingT) { require.NoError(t, m.log.Close(context.Background())) }

// locate notes where records are: one that is done has to be known when its mark is lost.
func (m *machine) locate() {
	for id, q := range m.log.lanes {
		for _, e := range q.waiting() {
			if r, ok := m.want[key{id, e.seq}]; ok {
				p := place{e.segment.number, e.off}
				m.at[p], m.bytes[p] = r, int64(e.bytes)
			}
		}
	}
}

func (m *machine) someone(t *rapid.T) key {
	all := slices.SortedFunc(maps.Keys(m.want), func(a, b key) int { return int(a.lane*1000+a.seq) - int(b.lane*1000+b.seq) })
	if len(all) == 0 || rapid.IntRange(0, 9).Draw(t, "unknown") == 0 {
		return key{9, 1}
	}
	return rapid.SampledFrom(all).Draw(t, "record")
}

func (m *machine) Append(t *rapid.T) {
	k := key{rapid.Uint64Range(0, 2).Draw(t, "lane"), rapid.Uint64Range(1, 300).Draw(t, "seq")}
	_, waits := m.want[k]
	if m.taken[k] && !waits {
		return
	}
	data := noise(rapid.IntRange(0, 700).Draw(t, "noise"), k.seq)
	data = append(data, make([]byte, rapid.IntRange(0, 700).Draw(t, "zeros"))...)
	r := Record{Lane: k.lane, Seq: k.seq, Points: rapid.Uint64Range(0, 9).Draw(t, "points"), Data: data}
	_, err := m.log.Append(t.Context(), r)
	switch {
	case waits:
		require.ErrorIs(t, err, ErrSequence)
	case errors.Is(err, ErrFull):
		s := m.log.Stats()
		require.Greater(t, s.DiskBytes+int64(len(data)), m.opts.MaxDiskBytes/3, "%+v", s)
	default:
		require.NoError(t, err)
		m.want[k], m.taken[k] = r, true
	}
	m.locate() // also what was moved
}

func (m *machine) Read(t *rapid.T) {
	lane, after := rapid.Uint64Range(0, 2).Draw(t, "lane"), rapid.Uint64Range(0, 300).Draw(t, "after")
	got, err := m.log.Read(t.Context(), lane, after, make([]byte, 100))
	next := uint64(0)
	for k := range m.want {
		if k.lane == lane && k.seq > after && (next == 0 || k.seq < next) {
			next = k.seq
		}
	}
	if next == 0 {
		require.ErrorIs(t, err, ErrNotFound)
		return
	}
	require.NoError(t, err)
	m.same(t, m.want[key{lane, next}], got)
}

func (m *machine) same(t *rapid.T, want, got Record) {
	require.Equal(t, string(want.Data), string(got.Data))
	want.Data, got.Data = nil, nil
	require.Equal(t, want, got)
}

func (m *machine) end(t *rapid.T, k key, err error) {
	if _, ok := m.want[k]; !ok {
		require.ErrorIs(t, err, ErrNotFound)
		return
	}
	require.NoError(t, err)
	delete(m.want, k)
}

func (m *machine) Done(t *rapid.T) {
	k := m.someone(t)
	m.end(t, k, m.log.Done(t.Context(), k.lane, k.seq))
}

// Drain ends a lane from its head on, as a consumer does.
func (m *machine) Drain(t *rapid.T) {
	lane := rapid.Uint64Range(0, 2).Draw(t, "lane")
	for range rapid.IntRange(1, 20).Draw(t, "n") {
		r, err := m.log.Read(t.Context(), lane, 0, nil)
		if err != nil {
			require.ErrorIs(t, err, ErrNotFound)
			return
		}
		m.end(t, key{lane, r.Seq}, m.log.Done(t.Context(), lane, r.Seq))
	}
}

func (m *machine) SetAside(t *rapid.T) {
	k := m.someone(t)
	m.end(t, k, m.log.SetAside(t.Context(), k.lane, k.seq))
}

func (m *machine) Reopen(t *rapid.T) {
	m.close(t)
	m.open(t)
	s := m.log.Stats()
	require.Zero(t, s.Torn)
	require.Zero(t, s.Unreadable, "what was counted is not counted again")
}

// Crash goes on with a copy of the directory, of whose last segment and its marks an end is missing.
func (m *machine) Crash(t *rapid.T) {
	copied := m.opts.Directory + "'"
	require.NoError(t, os.CopyFS(copied, os.DirFS(m.opts.Directory)))
	m.close(t)
	require.NoError(t, os.RemoveAll(m.opts.Directory))
	m.opts.Directory = copied

	var torn Amount
	if segments, _ := filepath.Glob(filepath.Join(copied, "*.seg")); len(segments) > 0 {
		torn = m.cut(t, segments[len(segments)-1])
	}
	m.open(t)
	s := m.log.Stats()
	require.Equal(t, torn.Records, s.Torn.Records)
	require.Equal(t, torn.Points, s.Torn.Points)
}

func (m *machine) cut(t *rapid.T, segment string) (torn Amount) {
	number, _, _ := parseName(filepath.Base(segment))
	if m.torn[number] { // nothing is appended to it any more
		return torn
	}
	m.torn[number] = true
	size := fileSize(segment)
	size = rapid.Int64Range(max(0, size-2000), size).Draw(t, "size")
	require.NoError(t, os.Truncate(segment, size))
	marks := filepath.Join(m.opts.Directory, name(number, doneExt))
	if n := fileSize(marks); n > 0 && !m.bad[number] { // else what is damaged would be found once more
		require.NoError(t, os.Truncate(marks, rapid.Int64Range(max(0, n-100), n).Draw(t, "marks")))
	}
	done := marked(t, marks)
	for p, r := range m.at {
		k := key{r.Lane, r.Seq}
		switch {
		case p.number != number || m.elsewhere(k, p):
		case done[p.off]:
		case p.off+m.bytes[p] <= size:
			m.want[k] = r // again, if its mark is lost
		default:
			delete(m.want, k)
			delete(m.at, p)
			if p.off+recordHeaderBytes <= size {
				torn.add(1, r.Points, 0)
			}
		}
	}
	return torn
}

// elsewhere reports whether a record has been moved from p.
func (m *machine) elsewhere(k key, p place) bool {
	for other, r := range m.at {
		if (key{r.Lane, r.Seq}) == k && other.number > p.number {
			return true
		}
	}
	return false
}

// marked reads marks without the code under test.
func marked(t *rapid.T, path string) map[int64]bool {
	b, err := os.ReadFile(path)
	if !errors.Is(err, os.ErrNotExist) {
		require.NoError(t, err)
	}
	all := map[int64]bool{}
	for off := 16; off+16 <= len(b); off += 16 {
		all[int64(binary.LittleEndian.Uint64(b[off+8:]))] = true
	}
	return all
}

// Corrupt flips a bit of a segment.
func (m *machine) Corrupt(t *rapid.T) {
	m.close(t)
	segments, _ := filepath.Glob(filepath.Join(m.opts.Directory, "*.seg"))
	if len(segments) == 0 {
		m.open(t)
		return
	}
	path := rapid.SampledFrom(segments).Draw(t, "segment")
	number, _, _ := parseName(filepath.Base(path))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	at := rapid.Int64Range(0, int64(len(b))-1).Draw(t, "at")
	b[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	require.NoError(t, os.WriteFile(path, b, 0o600))

	m.bad[number] = true
	lost := 0
	header := false
	for p, r := range m.at {
		if p.number == number && p.off <= at && at < p.off+m.bytes[p] {
			if _, ok := m.want[key{r.Lane, r.Seq}]; ok {
				lost++
				header = at < p.off+recordHeaderBytes
				delete(m.want, key{r.Lane, r.Seq})
			}
			delete(m.at, p)
		}
	}
	m.open(t)
	m.readAll(t)
	s := m.log.Stats()
	if lost > 0 && header {
		require.Zero(t, s.Damaged)
		require.NotZero(t, s.Unreadable.Bytes+s.Torn.Bytes)
		return
	}
	require.Equal(t, uint64(lost), s.Damaged.Records)
}

func (m *machine) readAll(t *rapid.T) {
	n := 0
	for lane := range uint64(3) {
		for _, r := range pending(t, m.log, lane) {
			want, ok := m.want[key{lane, r.Seq}]
			require.True(t, ok, "lane %d has %d", lane, r.Seq)
			m.same(t, want, r)
			n++
		}
	}
	require.Len(t, m.want, n)
}

func (m *machine) Check(t *rapid.T) {
	s := m.log.Stats()
	require.Equal(t, len(m.want), int(s.Pending.Records))
	points := uint64(0)
	for _, r := range m.want {
		points += r.Points
	}
	require.Equal(t, points, s.Pending.Points)
	require.LessOrEqual(t, s.DiskBytes, m.opts.MaxDiskBytes)
	checkBooks(t, m.log)
}

var cases atomic.Uint64 // so that each has a directory of its own

func TestModel(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir := filepath.Join(root, strconv.FormatUint(cases.Add(1), 10))
		m := &machine{
			opts: Options{Directory: dir, MaxDiskBytes: 60_000, SegmentBytes: rapid.Int64Range(500, 8000).Draw(t, "segment")},
			want: map[key]Record{}, taken: map[key]bool{}, at: map[place]Record{}, bytes: map[place]int64{}, bad: map[uint64]bool{},
			torn: map[uint64]bool{},
		}
		m.open(t)
		defer func() {
			_ = m.log.Close(context.Background())
			_ = os.RemoveAll(m.opts.Directory)
		}()
		t.Repeat(map[string]func(*rapid.T){
			"": m.Check, "append": m.Append, "append more": m.Append, "append still more": m.Append, "read": m.Read, "done": m.Done,
			"drain": m.Drain, "set aside": m.SetAside, "reopen": m.Reopen, "crash": m.Crash, "corrupt": m.Corrupt,
		})
		m.readAll(t)
	})
}
