package rules

import (
	"context"
	"encoding/binary"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"

	"github.com/sluice-metrics/sluice/internal/otlp"
	"github.com/sluice-metrics/sluice/internal/series"
)

// walk is one pass of a memo over a batch. It is used again for the next, with its buffers and with its methods as
// function values, which pdata takes: so that a batch of known series costs no allocation.
type walk struct {
	memo    *memo
	ctx     context.Context
	tallies []tally
	// halted is set when a rule's error ends the pass: the rest of the batch is left as it is.
	halted bool
	// recent are outcomes found in this batch, each in the place that its fingerprint has: most come again at once.
	recent [recentOutcomes]recentOutcome
	// path are the outcomes of the present metric's points, found by their order.
	path path

	// The resources, scopes and metrics of this batch so far, and at which of them a text last failed: what is asked once
	// per metric fails once per metric, though each of its points is a lesson.
	resourceNumber, scopeNumber, metricNumber int
	failedAt                                  map[failure]int
	// countedRule has counted the point of that lookup as matched last.
	countedRule  int
	countedPoint int64

	// The resource, scope and metric of the points being walked. key is their identity, the metric's fingerprint its hash.
	rm                     pmetric.ResourceMetrics
	sm                     pmetric.ScopeMetrics
	metric                 pmetric.Metric
	key, pointKey          []byte
	resourceEnd, scopeEnd  int
	metricFingerprint      series.Fingerprint
	fields                 *metricFields
	lookups, misses        int64
	onResource             func(pmetric.ResourceMetrics) bool
	onScope                func(pmetric.ScopeMetrics) bool
	onMetric               func(pmetric.Metric) bool
	onNumber               func(pmetric.NumberDataPoint) bool
	onHistogram            func(pmetric.HistogramDataPoint) bool
	onExponentialHistogram func(pmetric.ExponentialHistogramDataPoint) bool
	onSummary              func(pmetric.SummaryDataPoint) bool
}

// recentOutcomes is a power of two, and small enough for the fastest cache.
const recentOutcomes = 128

type recentOutcome struct {
	fingerprint series.Fingerprint
	outcome     *outcome
}

func newWalk(m *memo) *walk {
	w := &walk{memo: m, failedAt: map[failure]int{}, path: path{trails: &m.trails, trail: lost}}
	w.onResource, w.onScope, w.onMetric = w.dropResource, w.dropScope, w.dropMetric
	w.onNumber = func(p pmetric.NumberDataPoint) bool {
		o := w.outcomeOf(p.Attributes())
		return w.replay(o, 1, p.Attributes()) || w.numberValues(o, p)
	}
	w.onHistogram = func(p pmetric.HistogramDataPoint) bool {
		o := w.outcomeOf(p.Attributes())
		return w.replay(o, 1, p.Attributes()) || len(o.values) > 0 && w.values(o, p)
	}
	w.onExponentialHistogram = func(p pmetric.ExponentialHistogramDataPoint) bool {
		o := w.outcomeOf(p.Attributes())
		return w.replay(o, 1, p.Attributes()) || len(o.values) > 0 && w.values(o, p)
	}
	w.onSummary = func(p pmetric.SummaryDataPoint) bool {
		o := w.outcomeOf(p.Attributes())
		return w.replay(o, 1, p.Attributes()) || len(o.values) > 0 && w.values(o, p)
	}
	return w
}

// noAttributes are those of points that nobody looks at.
var noAttributes = pcommon.NewMap()

func (w *walk) run(md pmetric.Metrics) { md.ResourceMetrics().RemoveIf(w.onResource) }

// release lets go of the batch.
func (w *walk) release() {
	w.ctx, w.tallies, w.fields, w.halted = nil, nil, nil, false
	w.rm, w.sm, w.metric = pmetric.ResourceMetrics{}, pmetric.ScopeMetrics{}, pmetric.Metric{}
	w.lookups, w.misses = 0, 0
	w.resourceNumber, w.scopeNumber, w.metricNumber = 0, 0, 0
	w.countedRule, w.countedPoint = 0, 0
	w.path.end()
	clear(w.failedAt)
	clear(w.recent[:])
}

func (w *walk) dropResource(rm pmetric.ResourceMetrics) bool {
	w.enterResource(rm)
	rm.ScopeMetrics().RemoveIf(w.onScope)
	return rm.ScopeMetrics().Len() == 0
}

func (w *walk) enterResource(rm pmetric.ResourceMetrics) {
	w.rm = rm
	w.resourceNumber++
	w.key = w.key[:0]
	if w.memo.reads.resource {
		w.key = appendShared(w.key, rm.SchemaUrl(), rm.Resource().DroppedAttributesCount(), rm.Resource().Attributes())
	}
	w.resourceEnd = len(w.key)
}

func (w *walk) dropScope(sm pmetric.ScopeMetrics) bool {
	w.enterScope(sm)
	sm.Metrics().RemoveIf(w.onMetric)
	return sm.Metrics().Len() == 0
}

func (w *walk) enterScope(sm pmetric.ScopeMetrics) {
	w.sm = sm
	w.scopeNumber++
	w.key = w.key[:w.resourceEnd]
	if w.memo.reads.scope {
		w.key = appendScope(w.key, sm)
	}
	w.scopeEnd = len(w.key)
}

func appendScope(dst []byte, sm pmetric.ScopeMetrics) []byte {
	scope := sm.Scope()
	dst = series.AppendText(dst, scope.Name())
	dst = series.AppendText(dst, scope.Version())
	return appendShared(dst, sm.SchemaUrl(), scope.DroppedAttributesCount(), scope.Attributes())
}

func appendShared(dst []byte, schemaURL string, dropped uint32, attrs pcommon.Map) []byte {
	dst = series.AppendText(dst, schemaURL)
	dst = binary.AppendUvarint(dst, uint64(dropped))
	return series.AppendExact(dst, attrs)
}

func (w *walk) dropMetric(m pmetric.Metric) bool {
	w.enterMetric(m)
	if w.byPoint() {
		w.points(m)
	} else if w.halted || w.replay(w.find(w.metricFingerprint, noAttributes), otlp.PointCount(m), noAttributes) {
		return !w.halted
	}
	if otlp.PointCount(m) == 0 {
		return true
	}
	if w.fields != nil { // not before, for the identity of the other points has the metric's texts as they came
		w.fields.into(m)
	}
	return false
}

func (w *walk) enterMetric(m pmetric.Metric) {
	w.metric, w.fields = m, nil
	w.key = appendMetric(w.key[:w.scopeEnd], m)
	w.metricFingerprint = series.FingerprintOf(w.key)
	w.metricNumber++
	if w.byPoint() {
		w.path.enter(w.metricFingerprint, otlp.PointCount(m))
	}
}

// byPoint says that the points of a metric are looked up one by one.
func (w *walk) byPoint() bool { return w.memo.reads.points() || w.memo.values }

func appendMetric(dst []byte, m pmetric.Metric) []byte {
	dst = series.AppendText(dst, m.Name())
	dst = series.AppendText(dst, m.Description())
	dst = series.AppendText(dst, m.Unit())
	dst = series.AppendExact(dst, m.Metadata())
	dst = append(dst, byte(m.Type()))
	switch m.Type() {
	case pmetric.MetricTypeSum:
		dst = append(dst, byte(m.Sum().AggregationTemporality()))
		if m.Sum().IsMonotonic() {
			dst = append(dst, 1)
		}
	case pmetric.MetricTypeHistogram:
		dst = append(dst, byte(m.Histogram().AggregationTemporality()))
	case pmetric.MetricTypeExponentialHistogram:
		dst = append(dst, byte(m.ExponentialHistogram().AggregationTemporality()))
	case pmetric.MetricTypeGauge, pmetric.MetricTypeSummary, pmetric.MetricTypeEmpty:
	}
	return dst
}

func (w *walk) points(m pmetric.Metric) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		m.Gauge().DataPoints().RemoveIf(w.onNumber)
	case pmetric.MetricTypeSum:
		m.Sum().DataPoints().RemoveIf(w.onNumber)
	case pmetric.MetricTypeHistogram:
		m.Histogram().DataPoints().RemoveIf(w.onHistogram)
	case pmetric.MetricTypeExponentialHistogram:
		m.ExponentialHistogram().DataPoints().RemoveIf(w.onExponentialHistogram)
	case pmetric.MetricTypeSummary:
		m.Summary().DataPoints().RemoveIf(w.onSummary)
	case pmetric.MetricTypeEmpty:
	}
}

// outcomeOf returns the outcome for a point with the given attributes.
func (w *walk) outcomeOf(attrs pcommon.Map) *outcome {
	if w.halted {
		return &untouched
	}
	w.pointKey = w.memo.reads.appendKey(w.metricFingerprint.Append(w.pointKey[:0]), attrs)
	return w.find(series.FingerprintOf(w.pointKey), attrs)
}

// untouched is the outcome of rules that do nothing.
var untouched = outcome{dropped: -1}

// find returns the outcome for points with the given attributes.
func (w *walk) find(f series.Fingerprint, attrs pcommon.Map) *outcome {
	w.lookups++
	if o := w.path.next(f); o != nil {
		return o
	}
	o, clean := w.lookUp(f, attrs)
	if !clean {
		w.path.stray(f, nil)
		return o
	}
	w.path.stray(f, o)
	return o
}

// lookUp finds an outcome where it is kept, or learns it. One that is not clean is good for this point only.
func (w *walk) lookUp(f series.Fingerprint, attrs pcommon.Map) (o *outcome, clean bool) {
	recent := &w.recent[f.Place(recentOutcomes)]
	if recent.outcome != nil && recent.fingerprint == f {
		return recent.outcome, true
	}
	o, known := w.memo.series.Get(f)
	if known {
		*recent = recentOutcome{f, o}
		return o, true
	}
	w.misses++
	o, clean = w.memo.learn(w.ctx, w, attrs, w.tallies)
	if clean {
		w.memo.series.Put(f, o)
	}
	w.halted = w.anyHalted()
	return o, clean
}

// failure is a text that failed.
type failure struct {
	rule int
	text string
}

// newFailures is how many of the failures of a rule's texts have not been met at this resource, scope or metric. A rule may
// hold a text twice.
func (w *walk) newFailures(rule int, texts []string) int {
	n := 0
	for _, text := range texts {
		if at := w.placeOf(rule, text); at == 0 || w.failedAt[failure{rule, text}] != at {
			n++
		}
	}
	for _, text := range texts {
		w.failedAt[failure{rule, text}] = w.placeOf(rule, text)
	}
	return n
}

// placeOf numbers what a text is evaluated on, 0 if that is the point.
func (w *walk) placeOf(rule int, text string) int {
	switch w.memo.rules[rule].contexts[text] {
	case "resource":
		return w.resourceNumber
	case "scope":
		return w.scopeNumber
	case "metric":
		return w.metricNumber
	}
	return 0
}

// numberValues runs the value statements of an outcome. It never drops the point.
func (w *walk) numberValues(o *outcome, p pmetric.NumberDataPoint) (drop bool) {
	for i := range o.values {
		if v := &o.values[i]; v.statement.kernel != nil && v.counted {
			v.statement.kernel.apply(p)
		} else {
			w.value(v, p)
		}
	}
	return false
}

// values is numberValues for points that have more than a number.
func (w *walk) values(o *outcome, p any) (drop bool) {
	for i := range o.values {
		w.value(&o.values[i], p)
	}
	return false
}

func (w *walk) value(v *pendingValue, p any) {
	t := &w.tallies[v.rule]
	if t.halted {
		return
	}
	tCtx := ottldatapoint.NewTransformContextPtr(w.rm, w.sm, w.metric, p)
	_, ran, err := v.statement.body.Execute(w.ctx, tCtx)
	tCtx.Close()
	if err != nil {
		t.fail(v.statement.text, err)
		w.halted = w.halted || t.halted
	}
	if ran && !v.counted {
		w.uncounted(v.rule, t)
	}
}

// uncounted counts a point as matched by a rule that had not counted it, once.
func (w *walk) uncounted(rule int, t *tally) {
	if w.countedRule == rule && w.countedPoint == w.lookups {
		return
	}
	w.countedRule, w.countedPoint = rule, w.lookups
	t.Matched++
}

func (w *walk) anyHalted() bool {
	for i := range w.tallies {
		if w.tallies[i].halted {
			return true
		}
	}
	return false
}

// replay does an outcome to that many points; more than one have no attributes to edit.
func (w *walk) replay(o *outcome, points int, attrs pcommon.Map) (drop bool) {
	for _, rule := range o.matched {
		w.tallies[rule].Matched += points
	}
	if o.dropped >= 0 {
		w.tallies[o.dropped].Dropped += points
		return true
	}
	if o.room > 0 { // places that append would make are as many again as there are
		attrs.EnsureCapacity(attrs.Len() + o.room)
	}
	for i := range o.edits {
		o.edits[i].apply(attrs)
	}
	if o.fields != nil {
		w.fields = o.fields
	}
	return false
}
