package buffer

import "go.opentelemetry.io/collector/pdata/pmetric"

// HeapBytes estimates the memory of metrics from their length as protobuf and their number of points, for points with some
// attributes. Those of many resources or other types are off by up to half; heapOf knows better.
func HeapBytes(wire int64, points int) int64 {
	return wire*19/5 + int64(points)*40
}

// What differs from points with attributes, as measured by TestHeapEstimate.
const (
	perResource    = 300
	perExponential = 300
	// perBucket is what a bucket and its bound are overestimated by: they are as large in memory as on the wire.
	perBucket = 40
)

// heapOf estimates the memory of metrics, within a fifth less and three fifths more. It looks at metrics, not at points.
func heapOf(md pmetric.Metrics, wire int64, points int) int64 {
	rms := md.ResourceMetrics()
	heap := HeapBytes(wire, points) + perResource*int64(rms.Len())
	for _, rm := range rms.All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				heap += different(m)
			}
		}
	}
	return max(heap, wire)
}

// different is what the points of a metric take more than others of their size.
func different(m pmetric.Metric) int64 {
	switch m.Type() {
	case pmetric.MetricTypeExponentialHistogram:
		return perExponential * int64(m.ExponentialHistogram().DataPoints().Len())
	case pmetric.MetricTypeHistogram:
		if ps := m.Histogram().DataPoints(); ps.Len() > 0 {
			return -perBucket * int64(ps.Len()) * int64(ps.At(0).ExplicitBounds().Len())
		}
	default:
	}
	return 0
}

var sizer pmetric.ProtoMarshaler

func wireBytes(md pmetric.Metrics) int64 { return int64(sizer.MetricsSize(md)) }
