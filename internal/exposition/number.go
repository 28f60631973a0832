package exposition

import (
	"math"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func (r *reader) readGauge(g pmetric.Gauge) {
	for _, dp := range g.DataPoints().All() {
		r.add(dp, false, func(m *dto.Metric) Reason { return r.fillGauge(m, dp) })
	}
}

func (r *reader) readSum(s pmetric.Sum) {
	delta, refusal := temporality(s.AggregationTemporality())
	if delta && !s.IsMonotonic() {
		refusal = ReasonDeltaNonMonotonic
	}
	for _, dp := range s.DataPoints().All() {
		r.add(dp, delta, func(m *dto.Metric) Reason {
			switch {
			case refusal != "":
				return refusal
			case s.IsMonotonic():
				return r.fillCounter(m, dp, delta)
			default:
				return r.fillGauge(m, dp)
			}
		})
	}
}

func (r *reader) fillGauge(m *dto.Metric, dp pmetric.NumberDataPoint) Reason {
	value, ok := number(dp)
	if !ok {
		return ReasonInvalidValue
	}
	if r.heading.typ == dto.MetricType_UNTYPED {
		m.Untyped = &dto.Untyped{Value: new(value)}
	} else {
		m.Gauge = &dto.Gauge{Value: new(value)}
	}
	return ""
}

// fillCounter refuses deltas that would spoil the total for good.
func (r *reader) fillCounter(m *dto.Metric, dp pmetric.NumberDataPoint, delta bool) Reason {
	value, ok := number(dp)
	if !ok || delta && (math.IsNaN(value) || math.IsInf(value, 0) || value < 0) {
		return ReasonInvalidValue
	}
	m.Counter = &dto.Counter{
		Value:            new(value),
		Exemplar:         r.names.latestExemplar(dp.Exemplars()),
		CreatedTimestamp: created(dp.StartTimestamp()),
	}
	return ""
}

func number(dp pmetric.NumberDataPoint) (float64, bool) {
	switch dp.ValueType() {
	case pmetric.NumberDataPointValueTypeInt:
		return float64(dp.IntValue()), true
	case pmetric.NumberDataPointValueTypeDouble:
		return dp.DoubleValue(), true
	case pmetric.NumberDataPointValueTypeEmpty:
		return 0, false
	default:
		return 0, false
	}
}
