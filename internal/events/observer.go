package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/dispatch"
	"github.com/sluice-metrics/sluice/internal/series"
)

// Options are those of an observer.
type Options struct {
	Dispatch dispatch.Options
	// MaxSeries bounds the series in memory that a hook is for; four times as many scopes and metrics, which are cheaper, may be
	// there, whether a hook is for them or not. Further ones raise no events.
	MaxSeries int
	// Expiration is how long after its last point a series is removed.
	Expiration time.Duration
}

// Observer is told of batches and tells its hooks. All methods may be called concurrently.
type Observer struct {
	opts       Options
	dispatcher *dispatch.Dispatcher[Event]
	shards     [shards]shard
	walks      sync.Pool
	batches    atomic.Uint64
	// series are in memory, and places: scopes of resources, their metrics, and verdicts. Refused counts series, metrics and scopes that
	// came and found no room.
	series, places, refused atomic.Int64

	// hooks is replaced under mu.
	hooks atomic.Pointer[hookList]
	mu    sync.Mutex
	sets  map[string]*hookSet

	stop    chan struct{}
	sweeper sync.WaitGroup
	once    sync.Once
}

// hookList is the hooks there are.
type hookList struct {
	generation uint64
	hooks      []*Hook
}

// New returns an observer without hooks. Close it.
func New(opts Options) *Observer {
	o := &Observer{opts: opts, dispatcher: dispatch.New[Event](opts.Dispatch), sets: map[string]*hookSet{}, stop: make(chan struct{})}
	for i := range o.shards {
		o.shards[i].groups = map[series.Fingerprint]*group{}
		o.shards[i].table = series.NewTable[record]()
	}
	o.hooks.Store(&hookList{})
	o.walks.New = func() any { return &walk{observer: o} }
	return o
}

// Start forgets series from time to time. Without it none expires.
func (o *Observer) Start() {
	const parts = 8
	every := max(o.opts.Expiration/parts, 10*time.Millisecond)
	o.sweeper.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-o.stop:
				return
			case now := <-ticker.C:
				o.sweep(now)
			}
		}
	})
}

var errKinds = errors.New("a hook needs a kind of event, and a bound where the kind has one")

// Add adds a hook. It is told of what happens from now on.
func (o *Observer) Add(set Settings) (*Hook, error) {
	if set.On == 0 || set.On.Has(Threshold) != (set.Threshold != nil) || set.On.Has(Cardinality) != (set.Cardinality != nil) {
		return nil, errKinds
	}
	set.Lane.Stamp = func(e *Event, n uint64) { e.Metric.Sequence = n }
	h := &Hook{set: set}
	o.mu.Lock()
	defer o.mu.Unlock()
	old := o.hooks.Load()
	h.index = freeIndex(old.hooks)
	h.lane = o.dispatcher.Add(set.Lane)
	if set.Debounce > 0 {
		h.debounce = newDebounce(h.lane, set.Debounce, set.Lane.Size)
	}
	if set.Cardinality != nil {
		h.counts = &counts{bound: set.Cardinality, names: map[string]*count{}}
	}
	o.replace(append(slices.Clone(old.hooks), h))
	return h, nil
}

// replace is called with the lock held.
func (o *Observer) replace(hooks []*Hook) {
	clear(o.sets)
	o.hooks.Store(&hookList{generation: o.hooks.Load().generation + 1, hooks: hooks})
}

func freeIndex(hooks []*Hook) int {
	i := 0
	for slices.ContainsFunc(hooks, func(h *Hook) bool { return h.index == i }) {
		i++
	}
	return i
}

// Remove removes a hook and drops what waits for it. It returns false if it has been removed already.
func (o *Observer) Remove(h *Hook) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if h.closed.Swap(true) {
		return false
	}
	o.replace(slices.DeleteFunc(slices.Clone(o.hooks.Load().hooks), func(other *Hook) bool { return other == h }))
	o.dispatcher.Remove(h.lane)
	if h.debounce != nil {
		h.debounce.close(context.Background()) // the lane takes nothing any more
	}
	return true
}

// set returns the one of hooks, which are in the order of the list.
func (o *Observer) set(hooks []*Hook) *hookSet {
	key := make([]byte, 0, 64)
	for _, h := range hooks {
		key = fmt.Appendf(key, "%p ", h)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.sets[string(key)]
	if s == nil {
		s = newHookSet(hooks)
		o.sets[string(key)] = s
	}
	return s
}

// Publish raises the events of a batch, which it only reads and of which it keeps nothing. It waits for a hook whose overflow
// policy says so, and for nothing else.
func (o *Observer) Publish(ctx context.Context, md pmetric.Metrics) {
	list := o.hooks.Load()
	if len(list.hooks) == 0 {
		return
	}
	w := o.walks.Get().(*walk)
	w.run(ctx, list, md)
	o.walks.Put(w)
}

// Close takes nothing more and delivers what waits until ctx ends. It reports on what had something left.
func (o *Observer) Close(ctx context.Context) (reports []dispatch.Report) {
	o.once.Do(func() {
		close(o.stop)
		o.sweeper.Wait()
		for _, h := range o.hooks.Load().hooks {
			if h.debounce != nil {
				h.debounce.close(ctx)
			}
		}
		reports = o.dispatcher.Close(ctx)
	})
	return reports
}

// placesPerSeries is how many places there may be for each series.
const placesPerSeries = 4

// roomForSeries and roomForPlace count one more, or what was refused.
func (o *Observer) roomForSeries() bool {
	if take(&o.series, o.opts.MaxSeries) {
		return true
	}
	o.refused.Add(1)
	return false
}

func (o *Observer) roomForPlace() bool {
	if o.takePlace() {
		return true
	}
	o.refused.Add(1)
	return false
}

// takePlace counts one more if there may be.
func (o *Observer) takePlace() bool { return take(&o.places, placesPerSeries*o.opts.MaxSeries) }

func take(n *atomic.Int64, limit int) bool {
	if n.Add(1) <= int64(limit) {
		return true
	}
	n.Add(-1)
	return false
}

// Hooks are those there are now.
func (o *Observer) Hooks() []*Hook { return o.hooks.Load().hooks }

// Series is how many are in memory.
func (o *Observer) Series() int64 { return o.series.Load() }

// Refused counts points of series, metrics and scopes for which there was no room.
func (o *Observer) Refused() int64 { return o.refused.Load() }

// Workers is how many goroutines deliver.
func (o *Observer) Workers() int { return o.dispatcher.Workers() }
