package rules

import (
	"errors"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/otlp"
)

// ErrRunaway refuses a batch that a rule makes grow without end. It is the rule's fault: sending again does not help.
var ErrRunaway = errors.New("the rule adds metrics without end: its statements match what they have added")

// elements is what every pdata slice has in common.
type elements[E any] interface {
	Len() int
	At(i int) E
	RemoveIf(f func(E) bool)
}

// prune removes the elements drop says to and reports whether that emptied s. An s that came in empty counts as emptied
// if it is to be swept.
func prune[E any](s elements[E], sweep bool, drop func(E) bool) bool {
	if s.Len() == 0 {
		return sweep
	}
	s.RemoveIf(drop)
	return s.Len() == 0
}

// prunePoints is prune over the data points of m, whatever its type.
func prunePoints(m pmetric.Metric, sweep bool, drop func(point any) bool) bool {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return prune(m.Gauge().DataPoints(), sweep, func(p pmetric.NumberDataPoint) bool { return drop(p) })
	case pmetric.MetricTypeSum:
		return prune(m.Sum().DataPoints(), sweep, func(p pmetric.NumberDataPoint) bool { return drop(p) })
	case pmetric.MetricTypeHistogram:
		return prune(m.Histogram().DataPoints(), sweep, func(p pmetric.HistogramDataPoint) bool { return drop(p) })
	case pmetric.MetricTypeExponentialHistogram:
		return prune(m.ExponentialHistogram().DataPoints(), sweep, func(p pmetric.ExponentialHistogramDataPoint) bool { return drop(p) })
	case pmetric.MetricTypeSummary:
		return prune(m.Summary().DataPoints(), sweep, func(p pmetric.SummaryDataPoint) bool { return drop(p) })
	case pmetric.MetricTypeEmpty:
	}
	return false
}

// eachPoint visits the data points of m as they are when it is called; m may change its type meanwhile.
func eachPoint(m pmetric.Metric, visit func(point any)) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		each(m.Gauge().DataPoints(), func(p pmetric.NumberDataPoint) { visit(p) })
	case pmetric.MetricTypeSum:
		each(m.Sum().DataPoints(), func(p pmetric.NumberDataPoint) { visit(p) })
	case pmetric.MetricTypeHistogram:
		each(m.Histogram().DataPoints(), func(p pmetric.HistogramDataPoint) { visit(p) })
	case pmetric.MetricTypeExponentialHistogram:
		each(m.ExponentialHistogram().DataPoints(), func(p pmetric.ExponentialHistogramDataPoint) { visit(p) })
	case pmetric.MetricTypeSummary:
		each(m.Summary().DataPoints(), func(p pmetric.SummaryDataPoint) { visit(p) })
	case pmetric.MetricTypeEmpty:
	}
}

// each visits the elements of s, those that visit appends or removes on the way included.
func each[E any](s elements[E], visit func(E)) {
	for i := 0; i < s.Len(); i++ {
		visit(s.At(i))
	}
}

// A scope may grow under one rule to scopeGrowth times what it held, and by scopeAllowance where that is little.
const (
	scopeGrowth    = 16
	scopeAllowance = 1024
)

// eachMetric visits every metric of md, those that visit appends to a scope included. A statement that copies what it
// copied would so go on until memory ends: it returns ErrRunaway instead.
func eachMetric(md pmetric.Metrics, visit func(pmetric.ResourceMetrics, pmetric.ScopeMetrics, pmetric.Metric)) error {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			metrics := sm.Metrics()
			limit := metrics.Len()*scopeGrowth + scopeAllowance
			for i := 0; i < metrics.Len(); i++ {
				if metrics.Len() > limit {
					return ErrRunaway
				}
				visit(rm, sm, metrics.At(i))
			}
		}
	}
	return nil
}

func pointsOfResource(rm pmetric.ResourceMetrics) int {
	n := 0
	for _, sm := range rm.ScopeMetrics().All() {
		n += pointsOfScope(sm)
	}
	return n
}

func pointsOfScope(sm pmetric.ScopeMetrics) int {
	n := 0
	for _, m := range sm.Metrics().All() {
		n += otlp.PointCount(m)
	}
	return n
}
