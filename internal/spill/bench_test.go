package spill

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// page is what a batch of metrics looks like: about 90 KiB, much of it alike.
func page() []byte {
	var b bytes.Buffer
	for i := range 1000 {
		fmt.Fprintf(&b, "http_requests_total{instance=%q,path=\"/api/v1/%d\",code=\"200\",method=\"GET\"} %d\n",
			fmt.Sprintf("10.0.%d.%d:9100", i%7, i%251), i%40, i*i*7919%1_000_003)
	}
	return b.Bytes()
}

func benchLog(b *testing.B, fsync bool) *Log {
	b.Helper()
	return open(b, Options{Directory: b.TempDir(), Fsync: fsync, MaxDiskBytes: 8 << 30, MaxRecords: 1 << 30})
}

// BenchmarkAppend is one record after the other, which are done at once so that the disk does not fill.
func BenchmarkAppend(b *testing.B) {
	for _, fsync := range []bool{false, true} {
		for _, size := range []int{1 << 10, 90 << 10} {
			b.Run(fmt.Sprintf("fsync=%t/bytes=%d", fsync, size), func(b *testing.B) {
				l, data, ctx := benchLog(b, fsync), page()[:size], b.Context()
				b.SetBytes(int64(size))
				b.ReportAllocs()
				seq := uint64(0)
				for b.Loop() {
					seq++
					receipt, err := l.Append(ctx, Record{Seq: seq, Data: data})
					if err == nil {
						err = receipt.Wait(ctx)
					}
					if err == nil {
						err = l.Done(ctx, 0, seq)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}

// BenchmarkAppenders share commits.
func BenchmarkAppenders(b *testing.B) {
	for _, fsync := range []bool{false, true} {
		for _, appenders := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("fsync=%t/appenders=%d", fsync, appenders), func(b *testing.B) {
				l, data, ctx := benchLog(b, fsync), page()[:64<<10], b.Context()
				var seq, syncs atomic.Uint64
				l.fsync = func(f *os.File) error {
					syncs.Add(1)
					return f.Sync()
				}
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				b.SetParallelism(max(1, appenders/runtime.GOMAXPROCS(0)))
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						n := seq.Add(1)
						receipt, err := l.Append(ctx, Record{Lane: n, Seq: n, Data: data})
						if err == nil {
							err = receipt.Wait(ctx)
						}
						if err == nil {
							err = l.Done(ctx, n, n)
						}
						if err != nil {
							b.Error(err)
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
				b.ReportMetric(float64(syncs.Load())/float64(b.N), "fsyncs/record")
			})
		}
	}
}

// BenchmarkReplay reads, as after a restart, and acknowledges.
func BenchmarkReplay(b *testing.B) {
	l, data, ctx := benchLog(b, false), page(), b.Context()
	const n = 256
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	var dst []byte
	seq, end := uint64(1), uint64(1)
	for b.Loop() {
		if seq == end {
			b.StopTimer()
			for ; end < seq+n; end++ {
				_, err := l.Append(ctx, Record{Seq: end, Data: data})
				require.NoError(b, err)
			}
			b.StartTimer()
		}
		r, err := l.Read(ctx, 0, 0, dst)
		if err == nil {
			err = l.Done(ctx, 0, r.Seq)
		}
		if err != nil {
			b.Fatal(err)
		}
		seq, dst = r.Seq+1, r.Data
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkOpen is with 2,000 records that wait.
func BenchmarkOpen(b *testing.B) {
	opts := Options{Directory: b.TempDir(), MaxDiskBytes: 8 << 30}
	l, err := Open(opts)
	require.NoError(b, err)
	for seq := uint64(1); seq <= 2000; seq++ {
		_, err := l.Append(b.Context(), Record{Seq: seq, Data: noise(50_000, seq)})
		require.NoError(b, err)
	}
	require.NoError(b, l.Close(b.Context()))
	b.SetBytes(l.Stats().DiskBytes)
	b.ReportAllocs()
	for b.Loop() {
		l, err := Open(opts)
		if err == nil {
			err = l.Close(b.Context())
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRatio is on the exposition files of SLUICE_TESTDATA, in records of 90 KiB at most: text, not OTLP, which the
// streamer's buffer measures.
func BenchmarkRatio(b *testing.B) {
	root := os.Getenv("SLUICE_TESTDATA")
	if root == "" {
		b.Skip("SLUICE_TESTDATA is not set")
	}
	var chunks [][]byte
	require.NoError(b, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for len(data) > 4<<10 {
			n := min(len(data), 90<<10)
			chunks, data = append(chunks, data[:n]), data[n:]
		}
		return err
	}))
	l := benchLog(b, false)
	seq, total := uint64(0), 0
	for b.Loop() {
		data := chunks[seq%uint64(len(chunks))]
		seq++
		total += len(data)
		if _, err := l.Append(b.Context(), Record{Seq: seq, Data: data}); err != nil {
			b.Fatal(err)
		}
		require.NoError(b, l.Done(b.Context(), 0, seq))
	}
	s := l.Stats()
	b.ReportMetric(float64(total)/1e6/b.Elapsed().Seconds(), "MB/s")
	b.ReportMetric(float64(s.AppendedData)/float64(s.Appended.Bytes), "ratio")
}

// TestMemoryIsBounded: what is on disk is in memory as 40 bytes each, and as what one Read needs.
func TestMemoryIsBounded(t *testing.T) {
	opts := Options{Directory: t.TempDir(), MaxDiskBytes: 1 << 30}
	l := open(t, opts)
	const n = 1000
	for seq := uint64(1); seq <= n; seq++ {
		_, err := l.Append(t.Context(), Record{Seq: seq, Data: noise(64<<10, seq)})
		require.NoError(t, err)
	}
	require.NoError(t, l.Close(t.Context()))
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	l = open(t, opts)
	var dst []byte
	most := int64(0)
	for seq := uint64(1); seq <= n; seq++ {
		r, err := l.Read(t.Context(), 0, 0, dst)
		require.NoError(t, err)
		dst = r.Data
		if seq%100 == 0 {
			most = max(most, heap()-before)
		}
		require.NoError(t, l.Done(t.Context(), 0, seq))
	}
	t.Logf("%d bytes on disk, %d in memory", n*64<<10, most)
	assert.Less(t, most, int64(4<<20))
	runtime.KeepAlive(l)
}
