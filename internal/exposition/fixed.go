package exposition

import (
	"cmp"
	"math"
	"slices"
	"sort"

	dto "github.com/prometheus/client_model/go"
)

// withFixedBuckets replaces native histograms, for which the text formats have no words, by classic ones whose bounds
// are powers of two. Those bounds stay when the source changes its scale, so the series on the page do too.
func withFixedBuckets(mfs []*dto.MetricFamily) []*dto.MetricFamily {
	out := slices.Clone(mfs)
	for i, mf := range out {
		if slices.ContainsFunc(mf.Metric, isNative) {
			out[i] = fixFamily(mf)
		}
	}
	return out
}

// withoutMixedHistograms makes families classic that hold native and classic histograms: Prometheus' protobuf parser
// takes the first series for the kind of all.
func withoutMixedHistograms(mfs []*dto.MetricFamily) []*dto.MetricFamily {
	out := slices.Clone(mfs)
	for i, mf := range out {
		if mf.GetType() == dto.MetricType_HISTOGRAM && isMixed(mf.Metric) {
			out[i] = fixFamily(mf)
		}
	}
	return out
}

func isMixed(metrics []*dto.Metric) bool {
	return slices.ContainsFunc(metrics, isNative) &&
		slices.ContainsFunc(metrics, func(m *dto.Metric) bool { return !isNative(m) })
}

func isNative(m *dto.Metric) bool {
	return m.Histogram != nil && m.Histogram.Schema != nil
}

func fixFamily(mf *dto.MetricFamily) *dto.MetricFamily {
	metrics := slices.Clone(mf.Metric)
	for i, m := range metrics {
		if isNative(m) {
			metrics[i] = withLabels(m, m.Label)
			metrics[i].Histogram = fixHistogram(m.Histogram)
		}
	}
	return withMetrics(mf, metrics)
}

func fixHistogram(h *dto.Histogram) *dto.Histogram {
	buckets := cumulate(steps(h), h.GetSampleCount())
	for _, ex := range h.Exemplars {
		i := sort.Search(len(buckets), func(i int) bool { return ex.GetValue() <= buckets[i].GetUpperBound() })
		if i < len(buckets) {
			buckets[i].Exemplar = ex
		}
	}
	return &dto.Histogram{
		SampleCount: h.SampleCount, SampleSum: h.SampleSum, Bucket: buckets, CreatedTimestamp: h.CreatedTimestamp,
	}
}

// step adds count to the buckets from bound on.
type step struct {
	bound float64
	count uint64
}

// steps gives each populated bucket its lower bound as well, or a gap below would blur into it.
func steps(h *dto.Histogram) []step {
	width := 1 << max(0, -h.GetSchema())
	var out []step
	eachBucket(h.NegativeSpan, h.NegativeDelta, func(index int64, count uint64) {
		k := exponent(index, h.GetSchema())
		out = append(out, step{-math.Ldexp(1, k), 0}, step{-math.Ldexp(1, k-width), count})
	})
	if h.GetZeroCount() > 0 {
		out = append(out, step{h.GetZeroThreshold(), h.GetZeroCount()})
	}
	eachBucket(h.PositiveSpan, h.PositiveDelta, func(index int64, count uint64) {
		k := exponent(index, h.GetSchema())
		out = append(out, step{math.Ldexp(1, k-width), 0}, step{math.Ldexp(1, k), count})
	})
	return out
}

// exponent returns the smallest k such that 2^k is not below the upper bound of the bucket.
func exponent(index int64, schema int32) int {
	if schema < 0 {
		return int(index << -schema)
	}
	return int((index-1)>>schema) + 1
}

func eachBucket(spans []*dto.BucketSpan, deltas []int64, visit func(index int64, count uint64)) {
	index, count, next := int64(0), int64(0), 0
	for _, span := range spans {
		index += int64(span.GetOffset())
		for range span.GetLength() {
			count += deltas[next]
			next++
			if count > 0 {
				visit(index, uint64(count))
			}
			index++
		}
	}
}

// cumulate sorts and merges the steps; the last bucket is +Inf and holds all observations.
func cumulate(all []step, total uint64) []*dto.Bucket {
	slices.SortFunc(all, func(a, b step) int { return cmp.Compare(a.bound, b.bound) })
	var buckets []*dto.Bucket
	cumulative := uint64(0)
	for i, s := range all {
		cumulative += s.count
		last := i+1 == len(all) || all[i+1].bound != s.bound
		if last && !math.IsInf(s.bound, 1) {
			buckets = append(buckets, bucket(s.bound, cumulative))
		}
	}
	return append(buckets, bucket(math.Inf(1), total))
}
