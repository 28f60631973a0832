package promotlp

import (
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
)

// reduce applies the limits of native histograms. It reports whether there are few enough buckets in the end. Source:
// maxSchemaAppender and bucketLimitAppender of prometheus/prometheus.
func (n *native) reduce(o *Options) bool {
	if o.MaxSchema < histogram.ExponentialSchemaMax && histogram.IsExponentialSchemaReserved(n.schema()) && n.schema() > o.MaxSchema {
		if n.reduceTo(o.MaxSchema) != nil {
			return false
		}
	}
	if o.BucketLimit <= 0 {
		return true
	}
	for n.buckets() > o.BucketLimit {
		if !histogram.IsExponentialSchema(n.schema()) || n.schema() <= histogram.ExponentialSchemaMin {
			return false
		}
		if n.reduceTo(n.schema()-1) != nil {
			return false
		}
	}
	return true
}

func (n *native) schema() int32 {
	if n.h != nil {
		return n.h.Schema
	}
	return n.fh.Schema
}

func (n *native) kind() kind {
	if histogram.IsCustomBucketsSchema(n.schema()) {
		return kindHistogram
	}
	return kindExponential
}

func (n *native) reduceTo(schema int32) error {
	if n.h != nil {
		return n.h.ReduceResolution(schema)
	}
	return n.fh.ReduceResolution(schema)
}

func (n *native) buckets() int {
	if n.h != nil {
		return len(n.h.PositiveBuckets) + len(n.h.NegativeBuckets)
	}
	return len(n.fh.PositiveBuckets) + len(n.fh.NegativeBuckets)
}

// valueOr returns the number that tells a staleness marker: the sum, or v if there is no histogram.
func (n *native) valueOr(v float64) float64 {
	switch {
	case n == nil:
		return v
	case n.h != nil:
		return n.h.Sum
	default:
		return n.fh.Sum
	}
}

// unsupported returns why OTLP has no place for the histogram.
func (n *native) unsupported() (Reason, bool) {
	switch {
	case n.h == nil && n.fh.CounterResetHint == histogram.GaugeType, n.h != nil && n.h.CounterResetHint == histogram.GaugeType:
		return GaugeHistogram, true
	case value.IsStaleNaN(n.valueOr(0)):
		return 0, false
	case n.h == nil:
		return FloatHistogram, true
	case n.h.UsesCustomBuckets():
		return BadHistogram, n.h.Validate() != nil
	default:
		return BadHistogram, !histogram.IsExponentialSchema(n.h.Schema) || n.h.Validate() != nil ||
			!possible(n.h.PositiveSpans, n.h.Schema) || !possible(n.h.NegativeSpans, n.h.Schema)
	}
}

// possible reports whether all buckets are where there are numbers, or are the one right above. Others would be gaps of any
// width.
func possible(spans []histogram.Span, schema int32) bool {
	return len(spans) == 0 || int64(spans[0].Offset) >= firstIndex(schema) &&
		int64(spans[0].Offset)+width(spans)-1 <= lastIndex(schema)+1
}

// firstIndex is the index of the bucket of the smallest float64.
func firstIndex(schema int32) int64 {
	if schema < 0 {
		return -(1074 >> -schema) - 1
	}
	return -(1074 << schema)
}
