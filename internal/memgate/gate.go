// Package memgate tells whether a process has memory for more work.
//
// The gate closes when the process uses as much as the limit and opens when it uses less than a share of it. Garbage counts
// until it is collected, so a collection is started before the limit is met: only what is alive keeps the gate closed.
package memgate

import (
	"sync"
	"sync/atomic"
	"time"
)

// Settings are those of a Gate.
type Settings struct {
	// Limit is the use of memory in bytes at which the gate closes.
	Limit uint64
	// Resume is what it must fall below to open again, at most Limit.
	Resume uint64
	// Interval is how old a reading may be.
	Interval time.Duration
	// Read returns the memory in use in bytes; nil is that of this process.
	Read func() uint64
	// Collect collects garbage; nil is runtime.GC.
	Collect func()
	// Changed is told when the gate closes and opens, by whoever noticed: it must not block. It may be nil.
	Changed func(open bool, used uint64)
}

const (
	// collectShare of the limit is when garbage is collected.
	collectShare = 0.9
	// restFactor is how much longer than a collection lasts is waited until the next: they take at most a tenth of the time.
	restFactor = 9
	shortRest  = 100 * time.Millisecond
)

// Gate is safe for concurrent use. It reads when it is asked: without work it costs nothing.
type Gate struct {
	set    Settings
	closed atomic.Bool
	used   atomic.Uint64
	// due is when the next reading is, in nanoseconds since start.
	due   atomic.Int64
	start time.Time

	reading sync.Mutex
	// rested is when the next collection may start, in nanoseconds since start.
	rested     int64
	collecting sync.WaitGroup
	stopped    bool
	busy       atomic.Bool
}

// New returns an open gate.
func New(set Settings, now time.Time) *Gate {
	if set.Read == nil {
		set.Read = newReader()
	}
	if set.Collect == nil {
		set.Collect = collect
	}
	return &Gate{set: set, start: now}
}

// Open tells whether there is memory for more.
func (g *Gate) Open(now time.Time) bool {
	at := int64(now.Sub(g.start))
	if due := g.due.Load(); at >= due && g.due.CompareAndSwap(due, at+int64(g.set.Interval)) {
		g.read(at)
	}
	return !g.closed.Load()
}

// Used is the latest reading in bytes.
func (g *Gate) Used() uint64 { return g.used.Load() }

func (g *Gate) read(at int64) {
	if !g.reading.TryLock() {
		return // a reading that takes longer than the interval is under way
	}
	defer g.reading.Unlock()
	used := g.set.Read()
	g.used.Store(used)
	if float64(used) >= collectShare*float64(g.set.Limit) {
		g.collect(at)
	}
	closed := g.closed.Load()
	if now := used >= g.set.Limit || closed && used >= g.set.Resume; now != closed {
		g.closed.Store(now)
		if g.set.Changed != nil {
			g.set.Changed(!now, used)
		}
	}
}

// collect starts a collection unless one is under way or was a moment ago. The lock is held.
func (g *Gate) collect(at int64) {
	if g.stopped || at < g.rested || !g.busy.CompareAndSwap(false, true) {
		return
	}
	begin := time.Now()
	g.collecting.Go(func() {
		g.set.Collect()
		took := time.Since(begin)
		g.reading.Lock()
		g.rested = at + int64(took) + max(int64(shortRest), restFactor*int64(took))
		g.reading.Unlock()
		g.due.Store(0)
		g.busy.Store(false)
	})
}

// Stop waits for a collection that is under way; there are no more after it. It may be called again.
func (g *Gate) Stop() {
	g.reading.Lock()
	g.stopped = true
	g.reading.Unlock()
	g.collecting.Wait()
}
