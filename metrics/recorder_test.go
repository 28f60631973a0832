package metrics

import (
	"math"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// consistent checks what a reader is promised: the sum, the smallest and the largest are of exactly the values that the
// buckets count. Writers observe value i of a list only, so that buckets tell how often each was observed.
func consistent(t *testing.T, now *tally[int64], values []int64, slot func(int64) uint64) {
	t.Helper()
	var count uint64
	var sum float64
	least, most := int64(math.MaxInt64), int64(math.MinInt64)
	for _, v := range values {
		n := slot(v)
		count += n
		sum += float64(n) * float64(v)
		if n > 0 {
			least, most = min(least, v), max(most, v)
		}
	}
	if count != now.count || sum != now.sum.float() || count > 0 && (least != now.min || most != now.max) {
		t.Errorf("count %d, sum %v, from %d to %d; by buckets %d, %v, from %d to %d",
			now.count, now.sum.float(), now.min, now.max, count, sum, least, most)
	}
}

// readWhile calls check until all writers have observed every value n times, then once more.
func readWhile(h *Histogram[int64], values []int64, n int, check func(*tally[int64])) {
	var writers sync.WaitGroup
	done := make(chan struct{})
	for w := range 4 {
		writers.Go(func() {
			for i := range n * len(values) {
				h.Observe(values[(i+w)%len(values)])
			}
		})
	}
	go func() {
		writers.Wait()
		close(done)
	}()
	for {
		now, _ := h.snapshot()
		check(now)
		select {
		case <-done:
			now, _ = h.snapshot()
			check(now)
			return
		default:
			runtime.Gosched()
		}
	}
}

func TestReadersSeeConsistentHistograms(t *testing.T) {
	values := []int64{-7, 1, 3, 30, 400}
	h := Must(NewHistogram[int64]("h", "h", nil, Constraints[int64]{}, WithBounds(0, 2, 10, 100)))
	var last uint64
	readWhile(h, values, 3000, func(now *tally[int64]) {
		consistent(t, now, values, func(v int64) uint64 { return now.counts[slotAmong(h.recorder.plan.bounds, float64(v))] })
		if now.count < last {
			t.Errorf("count fell from %d to %d", last, now.count)
		}
		last = now.count
	})
	assert.Equal(t, uint64(4*3000*len(values)), last)
}

// Here layouts change all the time: the values are of all magnitudes.
func TestReadersSeeConsistentExponentialHistograms(t *testing.T) {
	for range 20 {
		values := []int64{0, -1, 1, 5, 1 << 20, -1 << 30, 1 << 44, 3, 70, 900}
		h := Must(NewHistogram[int64]("h", "h", nil, Constraints[int64]{},
			WithExponentialBuckets(ExponentialBuckets{Factor: 1.01, MaxBuckets: 60})))
		var last uint64
		readWhile(h, values, 50, func(now *tally[int64]) {
			if total := now.zero + counted(now.positive.counts) + counted(now.negative.counts); total != now.count {
				t.Errorf("count %d, buckets %d", now.count, total)
			}
			if now.positive.width() > 60 || now.negative.width() > 60 {
				t.Errorf("too wide: %d and %d", now.positive.width(), now.negative.width())
			}
			last = now.count
		})
		assert.Equal(t, uint64(4*50*len(values)), last)
		now, _ := h.snapshot()
		assert.InDelta(t, 4*50*float64(addedUp(values)), now.sum.float(), 0)
	}
}

// Sums of integers leave int64 and come back, in several goroutines at once: none of that is lost.
func TestSumsOfIntegersBeyondInt64(t *testing.T) {
	h := Must(NewHistogram[int64]("h", "h", nil, Constraints[int64]{}))
	var writers sync.WaitGroup
	const n = 100_000
	for _, v := range []int64{1 << 62, 1 << 61, 1 << 62, -1 << 60} {
		writers.Go(func() {
			for range n {
				h.Observe(v)
			}
		})
	}
	writers.Wait()
	assert.InDelta(t, n*9*0x1p60, h.Sum(), 0)
}

func addedUp(values []int64) (sum int64) {
	for _, v := range values {
		sum += v
	}
	return sum
}

func counted(counts []uint64) (sum uint64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// Whatever the values, every one is in a bucket whose bounds it is between, and no run is wider than it may be.
func TestExponentialBucketsHoldTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(132, 200).Draw(t, "buckets")
		h := Must(NewHistogram[float64]("h", "h", nil, Constraints[float64]{}, WithExponentialBuckets(ExponentialBuckets{
			Factor: 1.001, MaxBuckets: limit, ZeroThreshold: -1,
		})))
		values := rapid.SliceOf(positive()).Draw(t, "values")
		for i, v := range values {
			h.Observe(v)
			if i%7 == 0 {
				h.Count() // readers turn the sides
			}
		}
		now, _ := h.snapshot()
		require.LessOrEqual(t, now.positive.width(), limit)
		want := map[int32]uint64{}
		for _, v := range values {
			want[bucketIndex(v)>>now.shift]++
		}
		got := map[int32]uint64{}
		for i, n := range now.positive.counts {
			if n > 0 {
				got[now.positive.first+int32(i)] = n
			}
		}
		require.Equal(t, want, got)
		for i := range h.recorder.sides {
			require.LessOrEqual(t, len(h.recorder.sides[i].counts), 2*limit+1, "memory is bounded")
		}
	})
}

// The coarsest resolution has no room for fewer buckets: the bound gives way, to what floats need.
func TestFewBucketsOfAllMagnitudes(t *testing.T) {
	h := Must(NewHistogram[float64]("h", "h", nil, Constraints[float64]{}, WithExponentialBuckets(ExponentialBuckets{
		MaxBuckets: 2, ZeroThreshold: -1,
	})))
	for e := -1074; e < 1024; e++ {
		h.Observe(math.Ldexp(1, e))
		h.Observe(-math.Ldexp(1, e))
	}
	now, _ := h.snapshot()
	assert.Equal(t, uint8(coarsestShift), now.shift)
	assert.LessOrEqual(t, now.positive.width(), 132)
	assert.Equal(t, uint64(2*2098), now.count)
}
