package exposition

import (
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const targetInfoName = "target_info"

// batch reads pdata into points. It needs no lock: all that depends on the state of a series comes later.
type batch struct {
	names  *translator
	opts   *Options
	points []point
	live   int // points that have a value
	out    Outcome
}

func (b *batch) read(md pmetric.Metrics) {
	b.points = make([]point, 0, md.DataPointCount())
	for _, rm := range md.ResourceMetrics().All() {
		tg := b.names.target(rm.Resource().Attributes())
		before := b.live
		for _, sm := range rm.ScopeMetrics().All() {
			b.readScope(sm, tg.identity)
		}
		if b.live > before {
			b.targetInfo(&tg)
		}
	}
}

func (b *batch) readScope(sm pmetric.ScopeMetrics, identity []label) {
	base := slices.Clone(identity)
	if !b.opts.WithoutScopeInfo {
		base = b.names.appendScope(base, sm.Scope(), sm.SchemaUrl())
	}
	for _, m := range sm.Metrics().All() {
		b.readMetric(m, base)
	}
}

// targetInfo adds the target_info of a resource that has anything to tell and at least one point with a value: staleness
// markers alone must not bring back a target that is gone.
func (b *batch) targetInfo(tg *target) {
	if b.opts.WithoutTargetInfo || len(tg.info) == 0 {
		return
	}
	labels := resolve(slices.Concat(tg.identity, tg.info), dto.MetricType_GAUGE)
	b.points = append(b.points, point{
		heading:   heading{name: targetInfoName, help: "Target metadata", typ: dto.MetricType_GAUGE},
		key:       seriesKey(labels),
		metric:    &dto.Metric{Label: labels, Gauge: &dto.Gauge{Value: new(1.0)}},
		target:    true,
		targetKey: tg.key(),
	})
}

// readMetric reads all points of one metric; base holds the labels they share.
func (b *batch) readMetric(m pmetric.Metric, base []label) {
	kind, ok := kindOf(m)
	if !ok {
		b.out.refuse(ReasonUnknownType, max(1, pointCount(m)))
		return
	}
	h, ok := b.heading(m, kind)
	if !ok {
		b.out.refuse(ReasonInvalidName, pointCount(m))
		return
	}
	r := reader{batch: b, heading: h, base: base}
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		r.readGauge(m.Gauge())
	case pmetric.MetricTypeSum:
		r.readSum(m.Sum())
	case pmetric.MetricTypeHistogram:
		r.readHistogram(m.Histogram())
	case pmetric.MetricTypeExponentialHistogram:
		r.readExponential(m.ExponentialHistogram())
	case pmetric.MetricTypeSummary:
		r.readSummary(m.Summary())
	case pmetric.MetricTypeEmpty:
	}
}

func (b *batch) heading(m pmetric.Metric, kind metricKind) (heading, bool) {
	name, ok := b.names.metricName(m.Name(), m.Unit(), kind.naming)
	return heading{
		name: name,
		help: cleanText(m.Description()),
		unit: cleanText(b.names.units.Build(m.Unit())),
		typ:  kind.typ,
	}, ok
}

// metricKind pairs the type on the page with the one the name is built for.
type metricKind struct {
	typ    dto.MetricType
	naming otlptranslator.MetricType
}

// kindOf honours the Prometheus type a metric had before it became OTLP. Info and stateset have no type of their own
// in the formats served and stay gauges.
func kindOf(m pmetric.Metric) (metricKind, bool) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return gaugeKind(m), true
	case pmetric.MetricTypeSum:
		return sumKind(m), true
	case pmetric.MetricTypeHistogram:
		return metricKind{dto.MetricType_HISTOGRAM, otlptranslator.MetricTypeHistogram}, true
	case pmetric.MetricTypeExponentialHistogram:
		return metricKind{dto.MetricType_HISTOGRAM, otlptranslator.MetricTypeExponentialHistogram}, true
	case pmetric.MetricTypeSummary:
		return metricKind{dto.MetricType_SUMMARY, otlptranslator.MetricTypeSummary}, true
	case pmetric.MetricTypeEmpty:
		return metricKind{}, false
	default:
		return metricKind{}, false
	}
}

func gaugeKind(m pmetric.Metric) metricKind {
	if hint, ok := m.Metadata().Get("prometheus.type"); ok && hint.AsString() == "unknown" {
		return metricKind{dto.MetricType_UNTYPED, otlptranslator.MetricTypeUnknown}
	}
	return metricKind{dto.MetricType_GAUGE, otlptranslator.MetricTypeGauge}
}

func sumKind(m pmetric.Metric) metricKind {
	if m.Sum().IsMonotonic() {
		return metricKind{dto.MetricType_COUNTER, otlptranslator.MetricTypeMonotonicCounter}
	}
	return metricKind{dto.MetricType_GAUGE, otlptranslator.MetricTypeNonMonotonicCounter}
}

func pointCount(m pmetric.Metric) int {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return m.Gauge().DataPoints().Len()
	case pmetric.MetricTypeSum:
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return m.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().DataPoints().Len()
	case pmetric.MetricTypeSummary:
		return m.Summary().DataPoints().Len()
	case pmetric.MetricTypeEmpty:
		return 0
	default:
		return 0
	}
}

// dataPoint is what all kinds of points have in common.
type dataPoint interface {
	Attributes() pcommon.Map
	Timestamp() pcommon.Timestamp
	StartTimestamp() pcommon.Timestamp
	Flags() pmetric.DataPointFlags
}
