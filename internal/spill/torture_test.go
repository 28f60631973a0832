package spill

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTorture has everybody at work on a disk that is nearly full, so that records are moved under those who read them: each record
// ends once, lanes are read in order, and the books are exact.
func TestTorture(t *testing.T) {
	for _, fsync := range []bool{true, false} {
		opts := Options{Directory: t.TempDir(), MaxDiskBytes: 150_000, SegmentBytes: 8000, Fsync: fsync}
		l := open(t, opts)
		const lanes, each = 6, 250
		last := func(lane uint64) uint64 {
			if lane == 0 {
				return 60 // stands still, and leaves room to others
			}
			return each
		}
		var appenders, all sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		left := make([]map[uint64]bool, lanes)
		for lane := range uint64(lanes) {
			left[lane] = map[uint64]bool{}
			appenders.Go(func() {
				for seq := uint64(1); seq <= last(lane); {
					_, err := l.Append(ctx, Record{Lane: lane, Seq: seq, Points: lane, Data: noise(300+int(seq%900), seq)})
					if err == nil {
						seq++
						continue
					}
					assert.ErrorIs(t, err, ErrFull)
				}
			})
			all.Go(func() { tortureConsumer(ctx, t, l, lane, left[lane]) })
		}
		appenders.Wait()
		require.Eventually(t, func() bool { return len(l.Lanes()) <= 1 }, time.Minute, time.Millisecond)
		stop()
		all.Wait()
		for lane := 1; lane < lanes; lane++ {
			assert.Len(t, left[lane], each)
		}
		checkBooks(t, l)
		want := seqs(pending(t, l, 0))
		assert.Len(t, want, 60)
		require.NoError(t, l.Close(t.Context()))
		l = open(t, opts)
		assert.Equal(t, want, seqs(pending(t, l, 0)))
		assert.Len(t, l.Lanes(), 1)
		checkBooks(t, l)
	}
}

// tortureConsumer ends what it reads; lane 0 it only reads.
func tortureConsumer(ctx context.Context, t *testing.T, l *Log, lane uint64, ended map[uint64]bool) {
	t.Helper()
	var dst []byte
	after := uint64(0)
	for ctx.Err() == nil {
		r, err := l.Read(ctx, lane, after, dst)
		if err != nil {
			if lane == 0 {
				after = 0 // read what stands still again
			}
			continue
		}
		dst = r.Data
		assert.Equal(t, noise(300+int(r.Seq%900), r.Seq), r.Data)
		if lane == 0 {
			after = r.Seq
			continue
		}
		assert.Equal(t, uint64(len(ended)+1), r.Seq, "in order")
		if rand.IntN(50) == 0 {
			err = l.SetAside(t.Context(), lane, r.Seq)
		} else {
			err = l.Done(t.Context(), lane, r.Seq)
		}
		assert.NoError(t, err)
		ended[r.Seq] = true
	}
}
