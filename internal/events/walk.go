package events

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/dispatch"
	"github.com/sluice-metrics/sluice/internal/series"
)

// walk is one pass over a batch. It is used again for the next, with its buffers, so that a batch of known series costs no
// allocation.
type walk struct {
	observer *Observer
	ctx      context.Context //nolint:containedctx // that of the call
	list     *hookList
	// cause is the lane whose receiver publishes, nil for others.
	cause *dispatch.Lane[Event]
	now   int64
	batch uint64

	// The place of the points being walked.
	rm          pmetric.ResourceMetrics
	sm          pmetric.ScopeMetrics
	key         []byte
	resourceEnd int
	fingerprint series.Fingerprint
	projected   []byte
	shard       *shard
	group       *group
	metric      *metric
	monotonic   bool

	// out are the events that have not been pushed, by hook, and touched the hooks that have any.
	out     []outbox
	touched []int
}

type outbox struct {
	hook   *Hook
	events []Event
}

// outboxSize is how many events are pushed at once.
const outboxSize = 64

func (w *walk) run(ctx context.Context, list *hookList, md pmetric.Metrics) {
	w.ctx, w.list, w.now = ctx, list, time.Now().UnixNano()
	w.batch = w.observer.batches.Add(1)
	w.cause = w.observer.dispatcher.Cause(ctx)
	rms := md.ResourceMetrics()
	for i := range rms.Len() {
		w.resource(rms.At(i))
	}
	w.release()
}

// release lets go of the batch.
func (w *walk) release() {
	w.ctx, w.list, w.cause, w.shard, w.group, w.metric = nil, nil, nil, nil, nil, nil
	w.rm, w.sm = pmetric.ResourceMetrics{}, pmetric.ScopeMetrics{}
}

func (w *walk) resource(rm pmetric.ResourceMetrics) {
	w.rm = rm
	w.key = appendResource(w.key[:0], rm)
	w.resourceEnd = len(w.key)
	sms := rm.ScopeMetrics()
	for i := range sms.Len() {
		w.scope(sms.At(i))
	}
}

func (w *walk) scope(sm pmetric.ScopeMetrics) {
	metrics := sm.Metrics()
	if metrics.Len() == 0 {
		return
	}
	w.sm = sm
	w.key = appendScope(w.key[:w.resourceEnd], sm)
	w.fingerprint = series.FingerprintOf(w.key)
	w.shard = &w.observer.shards[w.fingerprint.Place(shards)]
	w.shard.mu.Lock()
	defer w.shard.mu.Unlock()
	if w.group = w.shard.group(w.fingerprint, w.observer, w.list.generation); w.group == nil {
		return
	}
	w.group.seen = w.now
	for i := range metrics.Len() {
		m := metrics.At(i)
		e := w.group.at(m.Name())
		if e == nil {
			if e = w.add(m.Name()); e == nil {
				continue
			}
		}
		e.seen = w.now
		if !e.decided {
			w.decide(e, m)
		}
		if e.metric != nil && e.metric.hooks != nil {
			w.observe(e.metric, m)
		}
	}
	w.flush() // under the lock: events of a series are pushed in the order in which they happen
}

// add remembers a metric, if there is room.
func (w *walk) add(name string) *entry {
	if !w.observer.roomForPlace() {
		return nil
	}
	return w.group.add(name)
}

// decide finds out which hooks a metric may be for.
func (w *walk) decide(e *entry, m pmetric.Metric) {
	c := Candidate{Resource: w.rm, Scope: w.sm, Metric: m, Attributes: noAttributes}
	var hooks []*Hook
	depends := false
	for _, h := range w.list.hooks {
		switch h.verdict(&c) {
		case ByPoint:
			depends = true
			hooks = append(hooks, h)
		case Yes:
			hooks = append(hooks, h)
		case No:
		}
	}
	e.decided = true
	if e.metric == nil {
		if hooks == nil {
			return
		}
		d := descriptorOf(m)
		e.metric = &metric{name: e.name, descriptor: d.clone(), number: w.shard.number()}
	}
	e.metric.verdicts.release(w.observer)
	e.metric.hooks, e.metric.set, e.metric.verdicts = hooks, nil, nil
	if depends {
		e.metric.verdicts = newVerdicts(hooks, &c)
	} else {
		e.metric.set = w.observer.set(hooks)
	}
}

var noAttributes = pcommon.NewMap()

// observe looks at the points of a metric.
func (w *walk) observe(known *metric, m pmetric.Metric) {
	w.metric = known
	if d := descriptorOf(m); d != *known.descriptor {
		w.changed(known, &d)
	}
	known.batch = w.batch
	w.monotonic = false
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		w.numbers(m, m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		w.monotonic = m.Sum().IsMonotonic() && m.Sum().AggregationTemporality() == pmetric.AggregationTemporalityCumulative
		w.numbers(m, m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		w.monotonic = m.Histogram().AggregationTemporality() == pmetric.AggregationTemporalityCumulative
		distributions(w, m, m.Histogram().DataPoints())
	case pmetric.MetricTypeExponentialHistogram:
		w.monotonic = m.ExponentialHistogram().AggregationTemporality() == pmetric.AggregationTemporalityCumulative
		distributions(w, m, m.ExponentialHistogram().DataPoints())
	case pmetric.MetricTypeSummary:
		w.monotonic = true
		distributions(w, m, m.Summary().DataPoints())
	case pmetric.MetricTypeEmpty:
	}
}

// changed tells of a metric that is described otherwise than before. Two metrics of one batch that share a name are a
// conflict, and no change.
func (w *walk) changed(m *metric, d *Descriptor) {
	if m.batch == w.batch {
		return
	}
	previous := m.descriptor
	m.descriptor = d.clone()
	for _, h := range m.hooks {
		if !h.set.On.Has(Changed) {
			continue
		}
		w.shard.place(w.group, w.rm, w.sm)
		w.emit(h, &Event{Metric: Metric{
			Series: metricSeries(w.group.resource, w.group.scope, m.name, m.descriptor), Kind: Changed, Previous: previous,
		}})
	}
}

func (w *walk) numbers(m pmetric.Metric, points pmetric.NumberDataPointSlice) {
	for i := range points.Len() {
		p := points.At(i)
		s := Sample{Timestamp: p.Timestamp(), StartTimestamp: p.StartTimestamp()}
		switch p.ValueType() {
		case pmetric.NumberDataPointValueTypeInt:
			s.typ, s.bits = intValue, uint64(p.IntValue())
		case pmetric.NumberDataPointValueTypeDouble:
			s = s.withFloat(floatValue, p.DoubleValue())
		case pmetric.NumberDataPointValueTypeEmpty:
		}
		w.point(m, p.Attributes(), &s, p.Flags().NoRecordedValue())
	}
}

// distributed is what the points of histograms and summaries have in common.
type distributed interface {
	Timestamp() pcommon.Timestamp
	StartTimestamp() pcommon.Timestamp
	Count() uint64
	Sum() float64
	Flags() pmetric.DataPointFlags
	Attributes() pcommon.Map
}

func distributions[P distributed](w *walk, m pmetric.Metric, points interface {
	Len() int
	At(i int) P
},
) {
	for i := range points.Len() {
		p := points.At(i)
		s := Sample{Timestamp: p.Timestamp(), StartTimestamp: p.StartTimestamp(), Count: p.Count()}
		s = s.withFloat(distribution, p.Sum())
		w.point(m, p.Attributes(), &s, p.Flags().NoRecordedValue())
	}
}

// emit passes an event on to a hook, unless that has caused it itself.
func (w *walk) emit(h *Hook, e *Event) {
	switch {
	case h.closed.Load():
	case w.cause == h.lane && w.cause != nil:
		h.lane.Drop(dispatch.Looped, 1)
	case h.debounce != nil:
		h.debounce.offer(w.ctx, e)
	default:
		w.queue(h, e)
	}
}

func (w *walk) queue(h *Hook, e *Event) {
	for h.index >= len(w.out) {
		w.out = append(w.out, outbox{})
	}
	b := &w.out[h.index]
	if b.hook != nil && b.hook != h { // removed meanwhile
		w.flush()
	}
	if len(b.events) == 0 {
		b.hook = h
		w.touched = append(w.touched, h.index)
		if b.events == nil {
			b.events = make([]Event, 0, outboxSize)
		}
	}
	b.events = append(b.events, *e)
	if len(b.events) == outboxSize {
		w.flush()
	}
}

// flush pushes what is queued.
func (w *walk) flush() {
	for _, i := range w.touched {
		b := &w.out[i]
		b.hook.lane.Push(w.ctx, b.events)
		clear(b.events)
		b.events, b.hook = b.events[:0], nil
	}
	w.touched = w.touched[:0]
}
