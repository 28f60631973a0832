// Package rulestest makes the metrics and the conditions rules are tested with: a fixed batch that has every metric type,
// random batches, and OTTL conditions each with its meaning in Go, as an oracle.
package rulestest

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// idKey is the attribute that tells every point of a batch from the others.
const idKey = "id"

// Point is a data point, of any type, and what it lies in.
type Point struct {
	ID         int64
	Attributes pcommon.Map
	Metric     pmetric.Metric
	Scope      pcommon.InstrumentationScope
	Resource   pcommon.Resource
}

// Condition is an OTTL condition and what it means.
type Condition struct {
	Text  string
	Holds func(Point) bool
}

// Conditions cover every context a rule can be of. None of them can fail.
var Conditions = []Condition{
	{`resource.attributes["env"] == "dev"`, func(p Point) bool { return str(p.Resource.Attributes(), "env") == "dev" }},
	{`resource.attributes["team"] == nil`, func(p Point) bool { return str(p.Resource.Attributes(), "team") == "" }},
	{`scope.name == "http"`, func(p Point) bool { return p.Scope.Name() == "http" }},
	{`scope.name == "db" and resource.attributes["env"] == "prod"`, func(p Point) bool {
		return p.Scope.Name() == "db" && str(p.Resource.Attributes(), "env") == "prod"
	}},
	{`metric.name == "go_threads"`, func(p Point) bool { return p.Metric.Name() == "go_threads" }},
	{`IsMatch(metric.name, "^http_")`, func(p Point) bool { return strings.HasPrefix(p.Metric.Name(), "http_") }},
	{`metric.type == METRIC_DATA_TYPE_HISTOGRAM`, func(p Point) bool { return p.Metric.Type() == pmetric.MetricTypeHistogram }},
	{`metric.type == METRIC_DATA_TYPE_SUMMARY or scope.name == "db"`, func(p Point) bool {
		return p.Metric.Type() == pmetric.MetricTypeSummary || p.Scope.Name() == "db"
	}},
	{`datapoint.attributes["env"] == "dev"`, func(p Point) bool { return str(p.Attributes, "env") == "dev" }},
	{`datapoint.attributes["code"] != "200"`, func(p Point) bool { return str(p.Attributes, "code") != "200" }},
	{`datapoint.attributes["code"] == "500" and metric.name == "http_requests"`, func(p Point) bool {
		return str(p.Attributes, "code") == "500" && p.Metric.Name() == "http_requests"
	}},
	{`datapoint.attributes["env"] == resource.attributes["env"] and datapoint.attributes["env"] != nil`, func(p Point) bool {
		env := str(p.Attributes, "env")
		return env != "" && env == str(p.Resource.Attributes(), "env")
	}},
}

func str(m pcommon.Map, key string) string {
	if v, ok := m.Get(key); ok {
		return v.Str()
	}
	return ""
}

// Points lists the points of md in order.
func Points(md pmetric.Metrics) []Point {
	var out []Point
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				for _, attributes := range attributesOf(m) {
					id, _ := attributes.Get(idKey)
					out = append(out, Point{
						ID: id.Int(), Attributes: attributes, Metric: m, Scope: sm.Scope(), Resource: rm.Resource(),
					})
				}
			}
		}
	}
	return out
}

func attributesOf(m pmetric.Metric) []pcommon.Map {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return collect(m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		return collect(m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		return collect(m.Histogram().DataPoints())
	case pmetric.MetricTypeExponentialHistogram:
		return collect(m.ExponentialHistogram().DataPoints())
	case pmetric.MetricTypeSummary:
		return collect(m.Summary().DataPoints())
	case pmetric.MetricTypeEmpty:
	}
	return nil
}

func collect[P interface{ Attributes() pcommon.Map }](s interface {
	Len() int
	At(i int) P
},
) []pcommon.Map {
	out := make([]pcommon.Map, 0, s.Len())
	for i := range s.Len() {
		out = append(out, s.At(i).Attributes())
	}
	return out
}

// Clone returns a deep copy of md that may be edited.
func Clone(md pmetric.Metrics) pmetric.Metrics {
	out := pmetric.NewMetrics()
	md.CopyTo(out)
	return out
}
