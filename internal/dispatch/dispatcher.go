package dispatch

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-metrics/sluice/internal/breaker"
)

// Dispatcher serves lanes. All methods may be called concurrently.
type Dispatcher[E any] struct {
	opts   Options
	ctx    context.Context //nolint:containedctx // that of all deliveries: it ends with the dispatcher
	cancel context.CancelFunc

	claims      claims
	outstanding atomic.Int64
	// closing takes no more events, over delivers no more.
	closing, over atomic.Bool

	mu      sync.Mutex
	lanes   []*Lane[E]
	waiting [4][]*Lane[E] // ready, by rank, first come first served
	workers []*worker[E]
	idle    []*worker[E]
	// attached are the workers that are not held by a slow delivery.
	attached int
	// watch looks after slow deliveries while something waits for a worker.
	watch *time.Timer
	ended bool
	// drained is closed when nothing is outstanding any more, once it is closing.
	drained  chan struct{}
	drainOne sync.Once
}

// New returns a dispatcher without lanes. It has no goroutine before there is work.
func New[E any](opts Options) *Dispatcher[E] {
	opts.Patience = cmp.Or(opts.Patience, 10*time.Millisecond)
	opts.Idle = cmp.Or(opts.Idle, 5*time.Second)
	d := &Dispatcher[E]{opts: opts, drained: make(chan struct{})}
	d.ctx, d.cancel = context.WithCancel(context.Background()) //nolint:gosec // end calls it
	return d
}

// laneKey is the key of a context's lane.
type laneKey struct{}

// Cause returns the lane whose receiver was given ctx, or nil.
func (d *Dispatcher[E]) Cause(ctx context.Context) *Lane[E] {
	l, _ := ctx.Value(laneKey{}).(*Lane[E])
	return l
}

// Add adds a lane.
func (d *Dispatcher[E]) Add(set Settings[E]) *Lane[E] {
	l := &Lane[E]{dispatcher: d, set: set, rank: rank(set.Priority)}
	l.base = context.WithValue(d.ctx, laneKey{}, l)
	if set.Breaker != nil {
		l.breaker = breaker.New(*set.Breaker)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lanes = append(d.lanes, l)
	return l
}

// Remove removes a lane and drops what it holds. A delivery under way goes on.
func (d *Dispatcher[E]) Remove(l *Lane[E]) {
	d.mu.Lock()
	d.lanes = slices.DeleteFunc(d.lanes, func(o *Lane[E]) bool { return o == l })
	d.mu.Unlock()
	l.close()
}

func (d *Dispatcher[E]) list() []*Lane[E] {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lanes)
}

// ready is called with the lane's lock held.
func (d *Dispatcher[E]) ready(l *Lane[E], first bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	queue := &d.waiting[l.rank]
	if first {
		*queue = slices.Insert(*queue, 0, l)
	} else {
		*queue = append(*queue, l)
	}
	d.wake(1)
	d.look()
}

// watchOut is called while somebody waits for a lane.
func (d *Dispatcher[E]) watchOut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.look()
}

// look looks after slow deliveries soon.
func (d *Dispatcher[E]) look() {
	const perPatience = 2
	if d.watch == nil && !d.ended {
		d.watch = time.AfterFunc(d.opts.Patience/perPatience, d.lookForSlow)
	}
}

// released is called when a lane no longer holds back others.
func (d *Dispatcher[E]) released() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wake(d.waitingLanes())
}

func (d *Dispatcher[E]) waitingLanes() int {
	n := 0
	for _, lanes := range d.waiting {
		n += len(lanes)
	}
	return n
}

// wake gets so many workers to look for work.
func (d *Dispatcher[E]) wake(n int) {
	for ; n > 0; n-- {
		last := len(d.idle) - 1
		switch {
		case d.ended:
			return
		case last >= 0:
			w := d.idle[last]
			d.idle = d.idle[:last]
			w.wake <- struct{}{}
		case d.attached < d.opts.MaxWorkers:
			d.hire()
		default:
			return
		}
	}
}

func (d *Dispatcher[E]) hire() {
	w := &worker[E]{dispatcher: d, wake: make(chan struct{}, 1)}
	d.workers = append(d.workers, w)
	d.attached++
	go w.run()
}

// pick returns the lane to serve next, nil if there is none or higher ones hold it back.
func (d *Dispatcher[E]) pick(w *worker[E]) *Lane[E] {
	for p := range d.waiting {
		r := len(d.waiting) - 1 - p
		queue := d.waiting[r]
		if len(queue) == 0 {
			continue
		}
		if d.claims.above(r) {
			return nil
		}
		l := queue[0]
		d.waiting[r] = slices.Delete(queue, 0, 1) // keeps its room, unlike queue[1:]
		w.lane = l
		return l
	}
	return nil
}

// lookForSlow gives back the places of workers whose deliveries take long. It goes on for as long as there are others.
func (d *Dispatcher[E]) lookForSlow() {
	for _, s := range d.detach() {
		s.lane.takesLong(s.worker, s.step)
	}
}

// slowDelivery is one that was found to be.
type slowDelivery[E any] struct {
	worker *worker[E]
	lane   *Lane[E]
	step   uint64
}

func (d *Dispatcher[E]) detach() (slow []slowDelivery[E]) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watch = nil
	now, others := time.Now(), false
	for _, w := range d.workers {
		switch {
		case w.detached || w.lane == nil:
		case w.takesLong(now, d.opts.Patience):
			w.detached = true
			d.attached--
			slow = append(slow, slowDelivery[E]{w, w.lane, w.seen})
		default:
			others = true
		}
	}
	waits := d.waitingLanes()
	d.wake(waits)
	if waits > 0 || others {
		d.look()
	}
	return slow
}
