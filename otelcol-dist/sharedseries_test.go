package main

import (
	"fmt"
	"iter"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// series is what a component may have changed of a point; its value is not.
type series struct {
	kind, name                       string
	resource, scope, point, exemplar map[string]string
}

func (s series) String() string {
	return fmt.Sprint(s.kind, " ", s.name, " ", s.resource, s.scope, s.point, s.exemplar)
}

// effect is what a component makes of a series: none, one or more.
type effect func(s series, add func(series))

func unchanged(s series, add func(series)) { add(s) }

func (e effect) then(next effect) effect {
	return func(s series, add func(series)) { e(s, func(s series) { next(s, add) }) }
}

// edits is an effect that leaves one series of each.
func edits(edit func(*series)) effect {
	return func(s series, add func(series)) {
		edit(&s)
		add(s)
	}
}

func keeps(keep func(series) bool) effect {
	return func(s series, add func(series)) {
		if keep(s) {
			add(s)
		}
	}
}

// counts are the series of a batch after the effect and how many points each has.
func (e effect) counts(md pmetric.Metrics) map[string]int {
	counts := map[string]int{}
	for s := range seriesOf(md) {
		e(s, func(s series) { counts[s.String()]++ })
	}
	return counts
}

func seriesOf(md pmetric.Metrics) iter.Seq[series] {
	return func(yield func(series) bool) {
		for _, rm := range md.ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					for point, exemplars := range pointsOf(m) {
						s := series{
							kind: kindOf(m), name: m.Name(), point: raw(point), exemplar: raw(exemplars),
							resource: raw(rm.Resource().Attributes()), scope: raw(sm.Scope().Attributes()),
						}
						if !yield(s) {
							return
						}
					}
				}
			}
		}
	}
}

func raw(m pcommon.Map) map[string]string {
	got := map[string]string{}
	for k, v := range m.All() {
		got[k] = v.AsString()
	}
	return got
}

func kindOf(m pmetric.Metric) string {
	var temporality pmetric.AggregationTemporality
	switch m.Type() {
	case pmetric.MetricTypeSum:
		temporality = m.Sum().AggregationTemporality()
	case pmetric.MetricTypeHistogram:
		temporality = m.Histogram().AggregationTemporality()
	case pmetric.MetricTypeExponentialHistogram:
		temporality = m.ExponentialHistogram().AggregationTemporality()
	default:
		return m.Type().String()
	}
	return m.Type().String() + strings.ToLower(temporality.String())
}

// pointsOf are the attributes of each point and those of its exemplar.
func pointsOf(m pmetric.Metric) iter.Seq2[pcommon.Map, pcommon.Map] {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return sampled(m.Gauge().DataPoints().All())
	case pmetric.MetricTypeSum:
		return sampled(m.Sum().DataPoints().All())
	case pmetric.MetricTypeHistogram:
		return sampled(m.Histogram().DataPoints().All())
	case pmetric.MetricTypeExponentialHistogram:
		return sampled(m.ExponentialHistogram().DataPoints().All())
	case pmetric.MetricTypeSummary:
		return func(yield func(point, exemplar pcommon.Map) bool) {
			for _, p := range m.Summary().DataPoints().All() {
				if !yield(p.Attributes(), pcommon.NewMap()) {
					return
				}
			}
		}
	default:
		return func(func(point, exemplar pcommon.Map) bool) {}
	}
}

func sampled[P interface {
	Attributes() pcommon.Map
	Exemplars() pmetric.ExemplarSlice
}](points iter.Seq2[int, P],
) iter.Seq2[pcommon.Map, pcommon.Map] {
	return func(yield func(point, exemplar pcommon.Map) bool) {
		for _, p := range points {
			exemplar := pcommon.NewMap()
			if p.Exemplars().Len() > 0 {
				exemplar = p.Exemplars().At(0).FilteredAttributes()
			}
			if !yield(p.Attributes(), exemplar) {
				return
			}
		}
	}
}
