package memgate

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// process is one whose memory a test sets.
type process struct {
	used, live         atomic.Uint64
	reads, collections atomic.Int64
	took               time.Duration // of a collection
	changes            []bool
}

func (p *process) gate() *Gate {
	return New(Settings{
		Limit: 1000, Resume: 800, Interval: 10 * time.Millisecond,
		Read: func() uint64 { p.reads.Add(1); return p.used.Load() },
		Collect: func() {
			p.collections.Add(1)
			time.Sleep(p.took)
			p.used.Store(p.live.Load())
		},
		Changed: func(open bool, _ uint64) { p.changes = append(p.changes, open) },
	}, time.Now())
}

func (p *process) set(live, garbage uint64) {
	p.live.Store(live)
	p.used.Store(live + garbage)
}

func TestHysteresis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &process{}
		g := p.gate()
		defer g.Stop()
		at := func(live uint64) bool {
			time.Sleep(time.Minute)
			p.set(live, 0)
			open := g.Open(time.Now())
			synctest.Wait()
			return open
		}
		assert.True(t, at(100))
		assert.True(t, at(999))
		assert.False(t, at(1000))
		assert.False(t, at(900))
		assert.False(t, at(800))
		assert.True(t, at(799))
		assert.True(t, at(999))
		assert.Equal(t, []bool{false, true}, p.changes)
		assert.Equal(t, uint64(999), g.Used())
	})
}

func TestReadsOncePerInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &process{}
		g := p.gate()
		defer g.Stop()
		for range 1000 {
			g.Open(time.Now())
			time.Sleep(100 * time.Microsecond)
		}
		assert.Equal(t, int64(10), p.reads.Load())
	})
}

func TestGarbageIsCollectedBeforeTheGateCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &process{took: 50 * time.Millisecond}
		g := p.gate()
		defer g.Stop()
		p.set(300, 620)
		assert.True(t, g.Open(time.Now()))
		time.Sleep(60 * time.Millisecond)
		assert.Equal(t, int64(1), p.collections.Load())
		assert.True(t, g.Open(time.Now()))
		assert.Equal(t, uint64(300), g.Used())
		assert.Empty(t, p.changes)
	})
}

func TestGarbageAloneClosesForOneCollection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &process{took: 50 * time.Millisecond}
		g := p.gate()
		defer g.Stop()
		p.set(300, 900)
		assert.False(t, g.Open(time.Now()))
		time.Sleep(49 * time.Millisecond)
		assert.False(t, g.Open(time.Now()))
		time.Sleep(2 * time.Millisecond)
		assert.True(t, g.Open(time.Now()), "it is read again as soon as the collection ends")
	})
}

func TestCollectionsTakeATenthOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &process{took: 200 * time.Millisecond}
		g := p.gate()
		defer g.Stop()
		p.set(2000, 0)
		for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(time.Millisecond) {
			assert.False(t, g.Open(time.Now()))
		}
		assert.LessOrEqual(t, p.collections.Load(), int64(10))
		assert.GreaterOrEqual(t, p.collections.Load(), int64(8))
	})
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &process{took: time.Second}
		g := p.gate()
		p.set(2000, 0)
		g.Open(time.Now())
		begin := time.Now()
		g.Stop()
		assert.Equal(t, time.Second, time.Since(begin), "it waits for the collection")
		g.Stop()
		time.Sleep(time.Minute)
		p.set(2000, 0)
		assert.False(t, g.Open(time.Now()))
		assert.Equal(t, int64(1), p.collections.Load())
	})
}

var sink []byte

// TestReadsThisProcess sees memory that is held, and no more of it once it is free.
func TestReadsThisProcess(t *testing.T) {
	read := newReader()
	runtime.GC()
	before := read()
	require.Positive(t, before)
	sink = make([]byte, 64<<20)
	held := read()
	assert.InDelta(t, 64<<20, held-before, 8<<20)
	sink = nil
	runtime.GC()
	assert.Less(t, read(), held-(48<<20))
}

func TestOpenAllocatesNothing(t *testing.T) {
	g := New(Settings{Limit: 1 << 40, Resume: 1 << 39, Interval: time.Nanosecond}, time.Now())
	defer g.Stop()
	now := time.Now()
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		now = now.Add(time.Millisecond)
		g.Open(now)
	}))
}

// BenchmarkOpen is what each request pays, BenchmarkRead what one in an interval pays.
func BenchmarkOpen(b *testing.B) {
	g := New(Settings{Limit: 1 << 40, Resume: 1 << 39, Interval: time.Hour}, time.Now())
	now := time.Now()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			g.Open(now)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	read := newReader()
	b.ReportAllocs()
	for b.Loop() {
		read()
	}
}
