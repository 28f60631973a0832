package events

import (
	"context"
	"sync"
	"time"

	"github.com/sluice-metrics/sluice/internal/dispatch"
	"github.com/sluice-metrics/sluice/internal/series"
)

// debounce delivers the first event of a series at once, and of those that follow within the window the last: each replaces
// the one that waits, unless it is of another kind. It knows as many series as the hook's queue has room for; events of
// further ones pass.
type debounce struct {
	lane   *dispatch.Lane[Event]
	window time.Duration
	limit  int

	mu     sync.Mutex
	series map[series.Fingerprint]*window
	// ends are the windows in the order in which they end.
	ends  []*window
	timer *time.Timer
	// over says that no event waits any more.
	over bool
}

// window is the time after an event of a series.
type window struct {
	id      series.Fingerprint
	end     time.Time
	kind    Kind
	waits   bool
	waiting Event
}

func newDebounce(lane *dispatch.Lane[Event], length time.Duration, limit int) *debounce {
	return &debounce{lane: lane, window: length, limit: limit, series: map[series.Fingerprint]*window{}}
}

func (d *debounce) offer(ctx context.Context, e *Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.series[e.Metric.id]
	switch {
	case d.over:
		d.push(ctx, *e)
	case w == nil:
		d.push(ctx, *e)
		if len(d.series) < d.limit {
			now := time.Now()
			d.open(&window{id: e.Metric.id, kind: e.Metric.Kind}, now)
			d.arm(now)
		}
	case w.kind != e.Metric.Kind:
		d.deliver(ctx, w) // what waits is older
		w.kind = e.Metric.Kind
		d.push(ctx, *e)
	case w.waits:
		d.lane.Drop(dispatch.Debounced, 1)
		old, merged := w.waiting.Old, w.waiting.Metric.Merged
		w.waiting = *e
		w.waiting.Old, w.waiting.Metric.Merged = old, merged+1
	default:
		w.waits, w.waiting = true, *e
	}
}

func (d *debounce) push(ctx context.Context, e Event) { d.lane.Push(ctx, []Event{e}) }

// deliver lets go of what waits.
func (d *debounce) deliver(ctx context.Context, w *window) {
	if w.waits {
		d.push(ctx, w.waiting)
		w.waits, w.waiting = false, Event{}
	}
}

func (d *debounce) open(w *window, now time.Time) {
	w.end = now.Add(d.window)
	d.series[w.id] = w
	d.ends = append(d.ends, w)
}

func (d *debounce) arm(now time.Time) {
	if len(d.ends) > 0 && d.timer == nil && !d.over {
		d.timer = time.AfterFunc(d.ends[0].end.Sub(now), d.ring)
	}
}

// ring ends the windows whose time it is. That of a series of which an event waited begins anew.
func (d *debounce) ring() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	d.timer = nil
	for len(d.ends) > 0 && !d.ends[0].end.After(now) && !d.over {
		w := d.ends[0]
		d.ends[0] = nil
		d.ends = d.ends[1:]
		if again := w.waits; again {
			d.deliver(context.Background(), w)
			d.open(w, now)
		} else {
			delete(d.series, w.id)
		}
	}
	d.arm(now)
}

// close delivers what waits.
func (d *debounce) close(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	if d.timer != nil {
		d.timer.Stop()
	}
	for _, w := range d.ends {
		d.deliver(ctx, w)
	}
	d.ends, d.series = nil, nil
}
