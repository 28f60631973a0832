package streamerprocessor

import (
	"context"
	"iter"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/rules"
)

// metricsOf yields every metric with its resource.
func metricsOf(md pmetric.Metrics) iter.Seq2[pmetric.ResourceMetrics, pmetric.Metric] {
	return func(yield func(pmetric.ResourceMetrics, pmetric.Metric) bool) {
		for _, rm := range md.ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					if !yield(rm, m) {
						return
					}
				}
			}
		}
	}
}

var noNumbers = pmetric.NewNumberDataPointSlice()

// numbersOf returns the points of a gauge or a sum, none of anything else.
func numbersOf(m pmetric.Metric) pmetric.NumberDataPointSlice {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return m.Gauge().DataPoints()
	case pmetric.MetricTypeSum:
		return m.Sum().DataPoints()
	case pmetric.MetricTypeHistogram, pmetric.MetricTypeExponentialHistogram, pmetric.MetricTypeSummary, pmetric.MetricTypeEmpty:
	}
	return noNumbers
}

// pruneNumbers removes the numbers that drop says to, and what that leaves empty.
func pruneNumbers(md pmetric.Metrics, drop func(pmetric.ResourceMetrics, pmetric.ScopeMetrics, pmetric.Metric, pmetric.NumberDataPoint) bool) {
	md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		scopes := rm.ScopeMetrics().Len()
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
			metrics := sm.Metrics().Len()
			sm.Metrics().RemoveIf(func(m pmetric.Metric) bool {
				points := numbersOf(m)
				before := points.Len()
				points.RemoveIf(func(p pmetric.NumberDataPoint) bool { return drop(rm, sm, m, p) })
				return before > 0 && points.Len() == 0
			})
			return metrics > 0 && sm.Metrics().Len() == 0
		})
		return scopes > 0 && rm.ScopeMetrics().Len() == 0
	})
}

// unusable stands for the action of a rule that is in error.
type unusable struct{}

func (unusable) Key() string                                               { return "" }
func (unusable) Run(context.Context, pmetric.Metrics, *rules.Counts) error { return nil }
