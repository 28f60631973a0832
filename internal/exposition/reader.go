package exposition

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// farFuture is how far ahead of our clock the time of a point may be and still count. A later one would refuse all
// others for as long.
const farFuture = pcommon.Timestamp(10 * 60 * 1e9)

// reader reads the points of one metric into its family, whose lock it holds.
type reader struct {
	*batch
	family *family
	scope  *scope
	// delta says that points are deltas; refusal is the reason to refuse all that have a value.
	delta   bool
	refusal Reason
	// attrs, key, flags and hash, that of all labels, are those of the point under way.
	attrs pcommon.Map
	key   []byte
	flags recordFlags
	hash  uint64
	// foreign says that the series of the point was found by its labels alone.
	foreign bool
}

// dataPoint is what all kinds of points have in common.
type dataPoint interface {
	Attributes() pcommon.Map
	Timestamp() pcommon.Timestamp
	StartTimestamp() pcommon.Timestamp
	Flags() pmetric.DataPointFlags
}

type dataPoints[P dataPoint] interface {
	Len() int
	At(i int) P
}

// values knows how points of one kind become the state of their series.
type values[P dataPoint] interface {
	// check returns the reason to refuse a point for its value, or "".
	check(p P) Reason
	// size bounds the memory the state of the point takes.
	size(p P) int
	// set replaces the state of a series, add adds a delta to it. They return false, and change nothing, when there is no
	// room for a state that grows.
	set(slot uint32, r *record, p P) bool
	add(slot uint32, r *record, p P) bool
}

func (r *reader) read(m pmetric.Metric) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		readAll(r, m.Gauge().DataPoints(), gaugeValues{r})
	case pmetric.MetricTypeSum:
		r.readSum(m.Sum())
	case pmetric.MetricTypeHistogram:
		r.delta, r.refusal = temporality(m.Histogram().AggregationTemporality())
		readAll(r, m.Histogram().DataPoints(), classicValues{r})
	case pmetric.MetricTypeExponentialHistogram:
		r.delta, r.refusal = temporality(m.ExponentialHistogram().AggregationTemporality())
		readAll(r, m.ExponentialHistogram().DataPoints(), nativeValues{r})
	case pmetric.MetricTypeSummary:
		readAll(r, m.Summary().DataPoints(), summaryValues{r})
	case pmetric.MetricTypeEmpty:
	}
}

func (r *reader) readSum(s pmetric.Sum) {
	r.delta, r.refusal = temporality(s.AggregationTemporality())
	if !s.IsMonotonic() {
		if r.delta {
			r.refusal = ReasonDeltaNonMonotonic
		}
		readAll(r, s.DataPoints(), gaugeValues{r})
		return
	}
	readAll(r, s.DataPoints(), counterValues{r})
}

// temporality returns whether points are deltas, or the reason to refuse all that are not staleness markers.
func temporality(t pmetric.AggregationTemporality) (bool, Reason) {
	switch t {
	case pmetric.AggregationTemporalityDelta:
		return true, ""
	case pmetric.AggregationTemporalityCumulative:
		return false, ""
	case pmetric.AggregationTemporalityUnspecified:
		return false, ReasonUnspecifiedTemporality
	default:
		return false, ReasonUnspecifiedTemporality
	}
}

func readAll[P dataPoint, V values[P]](r *reader, points dataPoints[P], v V) {
	for i := range points.Len() {
		readPoint(r, points.At(i), v)
	}
}

func readPoint[P dataPoint, V values[P]](r *reader, p P, v V) {
	slot, known := r.locate(p.Attributes())
	if p.Flags().NoRecordedValue() {
		r.markStale(slot, known, p.Timestamp())
		return
	}
	reason := r.refusal
	if reason == "" {
		reason = v.check(p)
	}
	if reason != "" {
		r.skip(slot, known, p.Timestamp(), reason)
		return
	}
	if !known {
		insertPoint(r, p, v)
		return
	}
	updatePoint(r, slot, p, v)
}

func insertPoint[P dataPoint, V values[P]](r *reader, p P, v V) {
	slot, ok := r.insert(v.size(p))
	if !ok {
		return
	}
	rec := r.family.mu.series.At(slot)
	if r.delta {
		rec.flags |= flagDelta
	}
	if !v.set(slot, rec, p) {
		r.remove(r.family, slot, &r.gone)
		r.out.refuse(ReasonMaxMemory, 1)
		return
	}
	r.accept(rec, p.Timestamp(), p.StartTimestamp())
}

func updatePoint[P dataPoint, V values[P]](r *reader, slot uint32, p P, v V) {
	rec, ts := r.family.mu.series.At(slot), p.Timestamp()
	if reason := r.admit(rec, ts, p.StartTimestamp()); reason != "" {
		r.out.refuse(reason, 1)
		return
	}
	start, change := p.StartTimestamp(), v.set
	if r.delta {
		change = v.add
	}
	if !change(slot, rec, p) {
		r.skip(slot, true, ts, ReasonMaxMemory)
		return
	}
	if r.delta {
		start = rec.start
	}
	if rec.batch == r.number && rec.time == ts {
		r.out.refuse(ReasonDuplicateSeries, 1)
		r.out.Accepted--
	}
	if r.foreign {
		r.adopt(slot)
	}
	r.accept(rec, ts, start)
}

func (r *reader) accept(rec *record, ts, start pcommon.Timestamp) {
	rec.time, rec.start, rec.batch, rec.updated = ts, start, r.number, r.now
	r.out.Accepted++
	r.live++
}

// admit returns the reason to refuse a point of a known series. One that is refused for a gap before it still moves the
// window of its series on: one gap then costs one point and not every point after it.
func (r *reader) admit(rec *record, ts, start pcommon.Timestamp) Reason {
	ahead := r.ahead(rec, ts)
	switch {
	case ts < rec.time && !ahead:
		return ReasonOutOfOrder
	case rec.flags&flagDelta != 0 != r.delta:
		return ReasonTemporalityConflict
	case !r.delta || ahead:
		return ""
	case ts == rec.time:
		return ReasonOutOfOrder
	case start != 0 && start != rec.time:
		rec.time, rec.updated = ts, r.now
		return ReasonMisalignedDelta
	default:
		return ""
	}
}

// ahead reports whether the time of a series is so far in the future that a point of the present counts more.
func (r *reader) ahead(rec *record, ts pcommon.Timestamp) bool {
	return rec.time > r.wall+farFuture && ts <= r.wall+farFuture
}

// skip refuses a point without a value. A delta without one moves the window of its series on.
func (r *reader) skip(slot uint32, known bool, ts pcommon.Timestamp, reason Reason) {
	r.out.refuse(reason, 1)
	if !known || !r.delta {
		return
	}
	if rec := r.family.mu.series.At(slot); rec.flags&flagDelta != 0 && ts > rec.time {
		rec.time, rec.updated = ts, r.now
	}
}

func (r *reader) markStale(slot uint32, known bool, ts pcommon.Timestamp) {
	if known {
		if rec := r.family.mu.series.At(slot); ts < rec.time && !r.ahead(rec, ts) {
			r.out.refuse(ReasonOutOfOrder, 1)
			return
		}
		r.remove(r.family, slot, &r.gone)
	}
	r.out.Accepted++
}
