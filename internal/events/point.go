package events

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// point finds the series of a point and tells what has happened to it.
func (w *walk) point(m pmetric.Metric, attrs pcommon.Map, s *Sample, stale bool) {
	v := w.metric.verdicts
	if v != nil && v.missed && w.passesBy(v, m, attrs) {
		return
	}
	slot, known := w.shard.table.FindNext(w.metric.number, attrs)
	if !known {
		if v != nil && !v.missed && w.passesBy(v, m, attrs) {
			return
		}
		key := w.shard.table.Key(w.metric.number, attrs)
		if slot, known = w.shard.table.Find(key); !known {
			if !stale {
				w.create(key, m, attrs, s)
			}
			return
		}
	}
	r := w.shard.table.At(slot)
	if r.generation != w.list.generation {
		w.rematch(r, m, attrs)
	}
	switch {
	case stale:
		w.remove(slot, Stale, s.Timestamp)
	case r.set == nil:
		r.seen = w.now
	default:
		r.seen = w.now
		w.update(r, s)
	}
}

// update compares a series with what it was. A point that is not newer says nothing.
func (w *walk) update(r *record, s *Sample) {
	if s.Timestamp == 0 {
		s.Timestamp = pcommon.Timestamp(w.now)
	} else if s.Timestamp <= r.last.Timestamp {
		return
	}
	if r.series != nil && r.series.Descriptor != r.metric.descriptor {
		now := *r.series
		now.Descriptor = r.metric.descriptor
		r.series = &now
	}
	mask := r.set.mask
	if mask.Has(Reset) && w.monotonic && begunAnew(&r.last, s) {
		w.tell(r, Reset, &r.last, s)
	}
	if mask.Has(Updated) && !r.last.same(*s) {
		w.tell(r, Updated, &r.last, s)
	}
	if mask.Has(Threshold) {
		w.thresholds(r, s)
	}
	r.last = *s
}

// begunAnew reports whether a counter has, by its start or by its value.
func begunAnew(last, s *Sample) bool {
	if s.StartTimestamp > last.StartTimestamp && last.StartTimestamp != 0 {
		return true
	}
	if s.typ == distribution {
		return s.Count < last.Count
	}
	return s.Float() < last.Float()
}

func (w *walk) tell(r *record, k Kind, old, now *Sample) {
	e := Event{Metric: Metric{Series: r.series, Kind: k}, Old: *old, New: *now}
	for _, h := range r.set.on[k] {
		w.emit(h, &e)
	}
}

func (w *walk) thresholds(r *record, s *Sample) {
	if s.typ != intValue && s.typ != floatValue {
		return
	}
	for i, h := range r.set.on[Threshold] {
		if st := &r.states[i]; st.step(h.set.Threshold, s.Float(), s.Timestamp) {
			w.crossed(r, h, st.phase == firing, s)
		}
	}
}

func (w *walk) crossed(r *record, h *Hook, firing bool, s *Sample) {
	w.emit(h, &Event{
		Metric: Metric{Series: r.series, Kind: Threshold, Firing: firing, Bound: h.set.Threshold.Limit}, Old: r.last, New: *s,
	})
}

// create remembers a series, if there is room.
func (w *walk) create(key []byte, m pmetric.Metric, attrs pcommon.Map, s *Sample) {
	if !w.observer.roomForSeries() {
		return
	}
	slot := w.shard.table.Insert(key)
	r := w.shard.table.At(slot)
	r.metric, r.seen = w.metric, w.now
	w.metric.series++
	w.match(r, m, attrs)
	if r.set == nil {
		return
	}
	if s.Timestamp == 0 {
		s.Timestamp = pcommon.Timestamp(w.now)
	}
	if r.set.mask.Has(Created) {
		w.tell(r, Created, &Sample{}, s)
	}
	for _, h := range r.set.on[Cardinality] {
		w.count(h, r, 1, s.Timestamp)
	}
	if r.set.mask.Has(Threshold) {
		w.thresholds(r, s)
	}
	r.last = *s
}

func (w *walk) count(h *Hook, r *record, n int, at pcommon.Timestamp) {
	if e, crossed := h.counts.add(r.metric.name, r.metric.descriptor, n, at); crossed {
		w.emit(h, &e)
	}
}

// match finds out which hooks a series is for. Only now it is rendered, if one of them is told of single series.
func (w *walk) match(r *record, m pmetric.Metric, attrs pcommon.Map) {
	r.generation, r.set = w.list.generation, w.metric.set
	identify := func() *Series {
		if r.series == nil {
			r.series = w.shard.identify(w.group, w.fingerprint, w.rm, w.sm, w.metric, attrs)
		}
		return r.series
	}
	if r.set == nil {
		c := Candidate{Resource: w.rm, Scope: w.sm, Metric: m, Attributes: attrs}
		var hooks []*Hook
		for _, h := range w.metric.hooks {
			if h.matches(&c, identify) {
				hooks = append(hooks, h)
			}
		}
		if hooks == nil {
			r.series = nil
			return
		}
		r.set = w.observer.set(hooks)
	}
	if r.set.mask&^KindsOf(Cardinality, Changed) != 0 {
		identify()
	}
	if n := len(r.set.on[Threshold]); n > 0 {
		r.states = make([]state, n)
	}
}

// rematch is for when there are other hooks than when the series was looked at last. What a hook that stays knows of the
// series stays.
func (w *walk) rematch(r *record, m pmetric.Metric, attrs pcommon.Map) {
	before, states := r.set, r.states
	w.match(r, m, attrs)
	if before == nil {
		before = newHookSet(nil)
	}
	after := r.set
	if after == nil {
		after = newHookSet(nil)
	}
	for i, h := range after.on[Threshold] {
		for j, old := range before.on[Threshold] {
			if h == old {
				r.states[i] = states[j]
			}
		}
	}
	w.recount(r, before, after, 1)
	w.recount(r, after, before, -1)
}

// recount counts a series for hooks on Cardinality that are in one set and not in the other.
func (w *walk) recount(r *record, without, with *hookSet, n int) {
	for _, h := range with.on[Cardinality] {
		if !slices.Contains(without.on[Cardinality], h) && !h.closed.Load() {
			w.count(h, r, n, pcommon.Timestamp(w.now))
		}
	}
}

// remove forgets a series.
func (w *walk) remove(slot uint32, cause Cause, at pcommon.Timestamp) {
	r := w.shard.table.At(slot)
	if at == 0 {
		at = pcommon.Timestamp(w.now)
	}
	if r.set != nil {
		w.bury(r, cause, at)
	}
	r.metric.series--
	w.observer.series.Add(-1)
	w.shard.table.Remove(slot)
}

// bury tells that a series is gone, and that with it is over what it had crossed.
func (w *walk) bury(r *record, cause Cause, at pcommon.Timestamp) {
	gone := Sample{Timestamp: at}
	for i, h := range r.set.on[Threshold] {
		if r.states[i].phase == firing {
			w.emit(h, &Event{
				Metric: Metric{Series: r.series, Kind: Threshold, Cause: cause, Bound: h.set.Threshold.Limit}, Old: r.last, New: gone,
			})
		}
	}
	for _, h := range r.set.on[Removed] {
		w.emit(h, &Event{Metric: Metric{Series: r.series, Kind: Removed, Cause: cause}, Old: r.last, New: gone})
	}
	for _, h := range r.set.on[Cardinality] {
		w.count(h, r, -1, at)
	}
}
