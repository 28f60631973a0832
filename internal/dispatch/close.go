package dispatch

import (
	"context"
	"slices"
	"time"

	"github.com/sluice-metrics/sluice/priority"
)

// Report is what became of one lane at the end.
type Report struct {
	Name     string
	Priority priority.Priority
	// Delivered and Dropped are since Close was called.
	Delivered, Dropped int64
	// Hangs says that the receiver has not returned though its context has ended.
	Hangs bool
}

// farewell is how long a receiver has to return once its context has ended.
const farewell = 100 * time.Millisecond

// Close takes no more events and delivers what is queued, higher priorities first, until ctx ends. The rest is dropped. It
// reports on lanes that had something left. Further calls return nothing.
func (d *Dispatcher[E]) Close(ctx context.Context) []Report {
	if d.closing.Swap(true) {
		return nil
	}
	lanes := d.list()
	slices.SortStableFunc(lanes, func(a, b *Lane[E]) int { return int(b.set.Priority) - int(a.set.Priority) })
	before := make([]Report, len(lanes))
	for i, l := range lanes {
		before[i] = l.standing()
		l.hurry()
	}
	d.checkDrained()
	select {
	case <-d.drained:
	case <-ctx.Done():
	}
	d.end(lanes)
	return reports(lanes, before)
}

// end drops what is left and lets the workers go.
func (d *Dispatcher[E]) end(lanes []*Lane[E]) {
	d.over.Store(true)
	d.cancel()
	for _, l := range lanes {
		l.close()
	}
	d.mu.Lock()
	d.ended = true
	if d.watch != nil {
		d.watch.Stop()
	}
	for _, w := range d.idle {
		w.wake <- struct{}{}
	}
	d.idle = nil
	d.mu.Unlock()
	for deadline := time.Now().Add(farewell); d.Workers() > 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	for _, l := range d.served() {
		l.disown()
	}
}

// served are the lanes whose receivers hang, removed ones included.
func (d *Dispatcher[E]) served() []*Lane[E] {
	d.mu.Lock()
	defer d.mu.Unlock()
	var lanes []*Lane[E]
	for _, w := range d.workers {
		if w.lane != nil {
			lanes = append(lanes, w.lane)
		}
	}
	return lanes
}

func reports[E any](lanes []*Lane[E], before []Report) []Report {
	var list []Report
	for i, l := range lanes {
		r := l.standing()
		r.Delivered -= before[i].Delivered
		r.Dropped -= before[i].Dropped
		if r.Delivered+r.Dropped > 0 || r.Hangs {
			list = append(list, r)
		}
	}
	return list
}

func (l *Lane[E]) standing() Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := Report{Name: l.set.Name, Priority: l.set.Priority, Delivered: l.Delivered(), Hangs: l.state == running}
	for i := range l.dropped {
		r.Dropped += l.dropped[i].Load()
	}
	return r
}

// hurry ends all waiting.
func (l *Lane[E]) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.disarm()
	l.freed()
	l.resume()
}

// checkDrained tells Close when nothing is left.
func (d *Dispatcher[E]) checkDrained() {
	if d.closing.Load() && d.outstanding.Load() == 0 {
		d.drainOne.Do(func() { close(d.drained) })
	}
}
