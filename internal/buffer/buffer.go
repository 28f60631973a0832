package buffer

import (
	"context"
	"sync"
	"time"

	"github.com/sluice-metrics/sluice/internal/spill"
)

// Buffer is safe for concurrent use. Each lane that holds something has one goroutine.
type Buffer struct {
	opts  Options
	slots *slots
	log   *spill.Log // nil without a directory
	// base ends when the buffer gives up delivering.
	base   context.Context
	giveUp context.CancelFunc
	// always never ends: what is done has to be told to the disk, whoever waits.
	always context.Context
	served sync.WaitGroup

	// mu is taken before the log's own lock, and no file is touched under it.
	mu    sync.Mutex
	lanes map[uint64]*lane
	// memory is the heap of items that are queued or flying, reading that of batches from disk.
	memory, reading int64
	freed           freed
	scratches       sync.Pool // of *[]byte
	rate            drainRate
	counts          counts
	storage         storage
	// closing refuses new items, and lets none wait for company.
	closing      bool
	closingSince time.Time

	close  sync.Once
	left   Left
	closed error
}

// Open recovers what is on disk, and begins to deliver it. It fails as spill.Open does.
func Open(opts Options) (*Buffer, error) {
	opts.withDefaults()
	b := &Buffer{
		opts: opts, slots: newSlots(opts.MinWorkers, opts.MaxWorkers), lanes: map[uint64]*lane{}, always: context.Background(),
	}
	b.base, b.giveUp = context.WithCancel(b.always)
	if opts.Directory == "" {
		return b, nil
	}
	log, err := spill.Open(spill.Options{Directory: opts.Directory, MaxDiskBytes: opts.MaxDiskBytes, Fsync: opts.Fsync})
	if err != nil {
		b.giveUp()
		return nil, err
	}
	b.log = log
	b.recover()
	return b, nil
}

func (b *Buffer) recover() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, stats := range b.log.Lanes() {
		l := b.lane(stats.Lane)
		l.next, l.consumed = stats.Last+1, stats.First-1
		b.serveLane(l)
	}
	b.counts.recovered = int64(b.log.Stats().Recovered.Points)
}

// lane returns the one with that number. b.mu is held.
func (b *Buffer) lane(id uint64) *lane {
	l := b.lanes[id]
	if l == nil {
		l = newLane(id)
		b.lanes[id] = l
	}
	return l
}

// serveLane starts the lane's goroutine, or makes it look again. b.mu is held.
func (b *Buffer) serveLane(l *lane) {
	if l.served || b.gaveUp() {
		l.nudge()
		return
	}
	l.served = true
	b.served.Go(func() { b.serve(l) })
}

// gaveUp reports whether nothing is delivered any more.
func (b *Buffer) gaveUp() bool { return b.base.Err() != nil }

// hold counts an item as held in memory, let as held no more. b.mu is held.
func (b *Buffer) hold(it *item) {
	it.held = true
	b.memory += it.heap
}

func (b *Buffer) let(it *item) {
	if it.held {
		it.held = false
		b.memory -= it.heap
		b.freed.tell()
	}
}

// freed tells those that wait for memory. Buffer.mu guards it.
type freed struct{ waiters chan struct{} }

func (f *freed) tell() {
	if f.waiters != nil {
		close(f.waiters)
		f.waiters = nil
	}
}

func (f *freed) wait() <-chan struct{} {
	if f.waiters == nil {
		f.waiters = make(chan struct{})
	}
	return f.waiters
}

// storage is what is known of the disk. Buffer.mu guards it.
type storage struct {
	err   error
	until time.Time // it is not asked before
}

// storagePause is how long a disk that failed is left alone.
const storagePause = time.Second

func (s *storage) usable(now time.Time) bool { return s.err == nil || !now.Before(s.until) }
