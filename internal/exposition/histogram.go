package exposition

import (
	"math"
	"math/bits"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func (r *reader) readHistogram(h pmetric.Histogram) {
	delta, refusal := temporality(h.AggregationTemporality())
	for _, dp := range h.DataPoints().All() {
		r.add(dp, delta, func(m *dto.Metric) Reason {
			if refusal != "" {
				return refusal
			}
			if delta && dp.HasSum() && (math.IsNaN(dp.Sum()) || math.IsInf(dp.Sum(), 0)) {
				return ReasonInvalidValue // it would spoil the total for good
			}
			return r.fillHistogram(m, dp)
		})
	}
}

func (r *reader) fillHistogram(m *dto.Metric, dp pmetric.HistogramDataPoint) Reason {
	buckets, ok := classicBuckets(dp.ExplicitBounds(), dp.BucketCounts(), dp.Count())
	if !ok {
		return ReasonInvalidHistogram
	}
	r.names.attachExemplars(buckets, dp.Exemplars())
	m.Histogram = &dto.Histogram{
		SampleCount:      new(dp.Count()),
		SampleSum:        new(histogramSum(dp)),
		Bucket:           buckets,
		CreatedTimestamp: created(dp.StartTimestamp()),
	}
	return ""
}

// histogramSum is NaN for a histogram without a sum: the formats always write one, and 0 would be a lie.
func histogramSum(dp pmetric.HistogramDataPoint) float64 {
	if !dp.HasSum() {
		return math.NaN()
	}
	return dp.Sum()
}

// classicBuckets returns cumulative buckets in ascending order, the last one +Inf, or false when bounds are not
// ascending or the counts do not fit. A histogram may come with neither bounds nor counts.
func classicBuckets(bounds pcommon.Float64Slice, counts pcommon.UInt64Slice, total uint64) ([]*dto.Bucket, bool) {
	if bounds.Len() == 0 && counts.Len() == 0 {
		return []*dto.Bucket{bucket(math.Inf(1), total)}, true
	}
	if counts.Len() != bounds.Len()+1 {
		return nil, false
	}
	buckets := make([]*dto.Bucket, 0, counts.Len())
	cumulative, carry, last := uint64(0), uint64(0), math.NaN()
	for i, bound := range bounds.All() {
		if math.IsNaN(bound) || bound <= last {
			return nil, false
		}
		if cumulative, carry = bits.Add64(cumulative, counts.At(i), 0); carry != 0 {
			return nil, false
		}
		last = bound
		if !math.IsInf(bound, 1) {
			buckets = append(buckets, bucket(bound, cumulative))
		}
	}
	cumulative, carry = bits.Add64(cumulative, counts.At(bounds.Len()), 0)
	return append(buckets, bucket(math.Inf(1), cumulative)), carry == 0 && cumulative == total
}

func bucket(bound float64, cumulative uint64) *dto.Bucket {
	return &dto.Bucket{UpperBound: new(bound), CumulativeCount: new(cumulative)}
}
