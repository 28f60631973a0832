package exposition

import (
	"math"
	"testing"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"
)

// exponential is a batch of one point of an exponential histogram.
func exponential(temporality pmetric.AggregationTemporality, fill func(pmetric.ExponentialHistogramDataPoint)) pmetric.Metrics {
	return single(func(m pmetric.Metric) {
		m.SetName("h")
		h := m.SetEmptyExponentialHistogram()
		h.SetAggregationTemporality(temporality)
		fill(h.DataPoints().AppendEmpty())
	})
}

// exported returns what Prometheus reads of the only native histogram.
func exported(t tester, s *Store) *histogram.Histogram {
	t.Helper()
	h := scrape(t, s, protoLegacy).native[`{__name__="h"}`]
	require.NotNil(t, h)
	return h
}

// Buckets [5, 1, 1] from offset 1 at scale 1 cover (1.41, 2], (2, 2.83] and (2.83, 4].
func TestDeltaExponentialHistogramOfUnalignedOffsetAndOtherScale(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, exponential(delta, func(p pmetric.ExponentialHistogramDataPoint) {
		p.SetStartTimestamp(1 * second)
		p.SetTimestamp(2 * second)
		p.SetScale(1)
		p.SetCount(7)
		p.SetSum(14)
		p.Positive().SetOffset(1)
		p.Positive().BucketCounts().FromRaw([]uint64{5, 1, 1})
	}))
	requireAccepted(t, s, exponential(delta, func(p pmetric.ExponentialHistogramDataPoint) {
		p.SetStartTimestamp(2 * second)
		p.SetTimestamp(3 * second)
		p.SetScale(0)
		p.SetCount(0)
		p.SetSum(0)
	}))
	h := exported(t, s)
	assert.EqualValues(t, 0, h.Schema)
	assert.Equal(t, map[float64]float64{2: 5, 4: 2}, upperBounds(h))
}

// TestDeltaExponentialHistogramsAddUpAsInPrometheus adds deltas here, and their histograms by Prometheus' own code.
func TestDeltaExponentialHistogramsAddUpAsInPrometheus(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total, first := NewStore(Options{}), true
		var want *histogram.FloatHistogram
		for i := range rapid.IntRange(1, 6).Draw(t, "deltas") {
			fill := drawExponential(t, pcommon.Timestamp(i+1)*second)
			one := NewStore(Options{})
			require.Equal(t, 1, one.Add(exponential(cumulative, fill)).Accepted)
			require.Equal(t, 1, total.Add(exponential(delta, fill)).Accepted)
			if h := exported(t, one).ToFloat(nil); first {
				want, first = h, false
			} else {
				var err error
				want, _, _, err = want.Add(h)
				require.NoError(t, err)
				if observations(want) != want.Count {
					t.Skip("Prometheus counted a bucket twice as it widened the zero bucket")
				}
			}
		}
		got := exported(t, total).ToFloat(nil)
		require.InDelta(t, want.Count, got.Count, 0)
		require.InDelta(t, want.Sum, got.Sum, 1e-9)
		require.Equal(t, want.Schema, got.Schema)
		require.InEpsilon(t, want.ZeroThreshold, got.ZeroThreshold, 1e-12)
		require.InDelta(t, want.ZeroCount, got.ZeroCount, 0)
		require.Equalf(t, buckets(want), buckets(got), "want %v\ngot  %v", want, got)
	})
}

// observations adds up all buckets.
func observations(h *histogram.FloatHistogram) float64 {
	total := 0.0
	for it := h.AllBucketIterator(); it.Next(); {
		total += it.At().Count
	}
	return total
}

func drawExponential(t *rapid.T, end pcommon.Timestamp) func(pmetric.ExponentialHistogramDataPoint) {
	scale := int32(rapid.IntRange(-4, 10).Draw(t, "scale"))
	zero := uint64(rapid.IntRange(0, 3).Draw(t, "zeros"))
	sides := [2][]uint64{}
	offsets := [2]int32{}
	count := zero
	for i := range sides {
		sides[i] = rapid.SliceOfN(rapid.Uint64Range(0, 5), 0, 20).Draw(t, "counts")
		offsets[i] = int32(rapid.IntRange(-30, 30).Draw(t, "offset"))
		for _, n := range sides[i] {
			count += n
		}
	}
	// No bucket begins below the threshold of its own histogram.
	lowest := math.Exp2(math.Ldexp(float64(min(offsets[0], offsets[1])), -int(scale)))
	threshold := rapid.SampledFrom([]float64{0, lowest / 3, lowest * 0.9}).Draw(t, "threshold")
	return func(p pmetric.ExponentialHistogramDataPoint) {
		p.SetStartTimestamp(end - second)
		p.SetTimestamp(end)
		p.SetScale(scale)
		p.SetZeroCount(zero)
		p.SetZeroThreshold(threshold)
		p.SetCount(count)
		p.SetSum(float64(count))
		p.Positive().SetOffset(offsets[0])
		p.Positive().BucketCounts().FromRaw(sides[0])
		p.Negative().SetOffset(offsets[1])
		p.Negative().BucketCounts().FromRaw(sides[1])
	}
}

// buckets are the populated ones other than zero's, by their ends as text, for the last bits may differ.
func buckets(h *histogram.FloatHistogram) map[string]float64 {
	out := map[string]float64{}
	for _, it := range []histogram.BucketIterator[float64]{h.PositiveBucketIterator(), h.NegativeBucketIterator()} {
		for it.Next() {
			if b := it.At(); b.Count > 0 {
				out[string(appendBound(nil, float64(float32(b.Upper))))] += b.Count
			}
		}
	}
	return out
}

func TestDeltasThatSpreadLowerTheResolution(t *testing.T) {
	s := NewStore(Options{})
	for i := range int32(3) {
		requireAccepted(t, s, exponential(delta, func(p pmetric.ExponentialHistogramDataPoint) {
			p.SetStartTimestamp(pcommon.Timestamp(i) * second)
			p.SetTimestamp(pcommon.Timestamp(i+1) * second)
			p.SetScale(8)
			p.SetSum(1)
			counts := make([]uint64, 800)
			for j := range counts {
				counts[j] = 1
			}
			p.SetCount(800)
			p.Positive().SetOffset(i * 1000)
			p.Positive().BucketCounts().FromRaw(counts)
		}))
	}
	h := exported(t, s)
	assert.EqualValues(t, 2400, h.Count)
	assert.EqualValues(t, 6, h.Schema)
	assert.Less(t, len(h.PositiveBuckets), maxNativeBuckets)
}
