package events

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Verdict is what a matcher says of a metric.
type Verdict uint8

// The verdicts there are: none of the metric's series, all, or it depends on their attributes.
const (
	No Verdict = iota
	Yes
	ByPoint
)

// Matcher tells which series a hook is for. It is asked once per metric or series, and must look at identity only: what it
// is given may be gone when it returns.
type Matcher interface {
	// Metric is asked first, of a candidate without attributes.
	Metric(c *Candidate) Verdict
	// Point is asked of each series of a metric for which Metric returned ByPoint.
	Point(c *Candidate) bool
}

// Projector is a Matcher that reads some attributes of a point only.
type Projector interface {
	Matcher
	// Project writes what Point reads of attributes: its answer is the same for all series of a metric that agree in that.
	Project(dst []byte, attrs pcommon.Map) []byte
}

// Candidate is a series that a hook may be for.
type Candidate struct {
	Resource   pmetric.ResourceMetrics
	Scope      pmetric.ScopeMetrics
	Metric     pmetric.Metric
	Attributes pcommon.Map
}

// One returns a batch with the candidate as its only point, which has no value.
func (c *Candidate) One() pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	c.Resource.Resource().CopyTo(rm.Resource())
	rm.SetSchemaUrl(c.Resource.SchemaUrl())
	sm := rm.ScopeMetrics().AppendEmpty()
	c.Scope.Scope().CopyTo(sm.Scope())
	sm.SetSchemaUrl(c.Scope.SchemaUrl())
	m := sm.Metrics().AppendEmpty()
	m.SetName(c.Metric.Name())
	m.SetUnit(c.Metric.Unit())
	m.SetDescription(c.Metric.Description())
	c.Metric.Metadata().CopyTo(m.Metadata())
	c.Attributes.CopyTo(emptyPoint(c.Metric, m))
	return md
}

// emptyPoint gives to the type of metric and one point, whose attributes it returns.
func emptyPoint(metric, to pmetric.Metric) pcommon.Map {
	switch metric.Type() {
	case pmetric.MetricTypeSum:
		to.SetEmptySum().SetAggregationTemporality(metric.Sum().AggregationTemporality())
		to.Sum().SetIsMonotonic(metric.Sum().IsMonotonic())
		return to.Sum().DataPoints().AppendEmpty().Attributes()
	case pmetric.MetricTypeHistogram:
		to.SetEmptyHistogram().SetAggregationTemporality(metric.Histogram().AggregationTemporality())
		return to.Histogram().DataPoints().AppendEmpty().Attributes()
	case pmetric.MetricTypeExponentialHistogram:
		to.SetEmptyExponentialHistogram().SetAggregationTemporality(metric.ExponentialHistogram().AggregationTemporality())
		return to.ExponentialHistogram().DataPoints().AppendEmpty().Attributes()
	case pmetric.MetricTypeSummary:
		return to.SetEmptySummary().DataPoints().AppendEmpty().Attributes()
	case pmetric.MetricTypeGauge, pmetric.MetricTypeEmpty:
	}
	return to.SetEmptyGauge().DataPoints().AppendEmpty().Attributes()
}
