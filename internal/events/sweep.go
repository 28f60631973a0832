package events

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// sweep removes what has not come for as long as the expiration.
func (o *Observer) sweep(now time.Time) {
	w := o.walks.Get().(*walk)
	defer o.walks.Put(w)
	w.ctx, w.list, w.now = context.Background(), o.hooks.Load(), now.UnixNano()
	for i := range o.shards {
		w.sweep(&o.shards[i], now.Add(-o.opts.Expiration).UnixNano())
	}
	w.release()
}

func (w *walk) sweep(s *shard, oldest int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.shard = s
	for slot, r := range s.table.Slots(0, s.table.End()) {
		if r.seen <= oldest {
			w.remove(slot, Expired, pcommon.Timestamp(w.now))
		}
	}
	w.flush()
	if s.table.Sparse() {
		s.table.Compact(func(uint32, uint32, *record) {})
	}
	for f, g := range s.groups {
		s.forget(g.forget(oldest), w.observer)
		if g.seen <= oldest {
			delete(s.groups, f)
			w.observer.places.Add(-1)
		}
	}
}

// forget takes back what metrics occupy. Their series have expired before.
func (s *shard) forget(gone []entry, o *Observer) {
	o.places.Add(int64(-len(gone)))
	for i := range gone {
		if m := gone[i].metric; m != nil {
			s.numbers = append(s.numbers, m.number)
			m.verdicts.release(o)
		}
	}
}
