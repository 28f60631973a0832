package exposition

import (
	"math"
	"strconv"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"
)

// TestClassicBucketsAreThoseOfPrometheusAtPowersOfTwo compares the classic histogram of text with the native one of
// protobuf, as Prometheus' bucket iterator reads it, at every bound and at the ends of all that is populated.
func TestClassicBucketsAreThoseOfPrometheusAtPowersOfTwo(t *testing.T) {
	for schema := range int32(maxSchema - minSchema + 1) {
		rapid.Check(t, func(t *rapid.T) {
			s := NewStore(Options{})
			fill := drawExponential(t, second)
			require.Equal(t, 1, s.Add(exponential(cumulative, func(p pmetric.ExponentialHistogramDataPoint) {
				fill(p)
				p.SetScale(schema + minSchema)
				p.SetZeroThreshold(0)
				p.Positive().SetOffset(max(p.Positive().Offset(), -20)) // so that no bucket is within that of zero
				p.Negative().SetOffset(max(p.Negative().Offset(), -20))
			})).Accepted)
			h := exported(t, s)
			require.Equal(t, schema+minSchema, h.Schema)
			requireClassicLike(t, h, scrape(t, s, textLegacy).values)
		})
	}
}

// requireClassicLike also wants no more between the bounds than the histogram has there: each populated bucket lies
// between two bounds that are powers of two, as near as its schema lets them be.
func requireClassicLike(t tester, h *histogram.Histogram, values map[string]float64) {
	t.Helper()
	found := map[float64]float64{}
	for _, le := range lesOf(values) {
		bound, err := strconv.ParseFloat(le, 64)
		require.NoError(t, err)
		found[bound] = values[`{__name__="h_bucket", le="`+le+`"}`]
		require.InDelta(t, upTo(h, bound), found[bound], 0, le)
	}
	require.Contains(t, found, math.Inf(1))
	for it := h.ToFloat(nil).AllBucketIterator(); it.Next(); {
		if b := it.At(); b.Count > 0 && (b.Lower > 0 || b.Upper < 0) {
			require.Contains(t, found, powerOfTwo(b.Lower, math.Floor, math.Ceil))
			require.Contains(t, found, powerOfTwo(b.Upper, math.Ceil, math.Floor))
		}
	}
}

// powerOfTwo rounds what is not nearly one: above for bounds above zero, below for those below.
func powerOfTwo(v float64, above, below func(float64) float64) float64 {
	exponent := math.Log2(math.Abs(v))
	if whole := math.Round(exponent); nearly(math.Exp2(whole), math.Abs(v)) {
		return math.Copysign(math.Exp2(whole), v)
	}
	if v > 0 {
		return math.Exp2(above(exponent))
	}
	return -math.Exp2(below(exponent))
}

func lesOf(values map[string]float64) []string {
	var les []string
	const before, after = `{__name__="h_bucket", le="`, `"}`
	for key := range values {
		if len(key) > len(before) && key[:len(before)] == before {
			les = append(les, key[len(before):len(key)-len(after)])
		}
	}
	return les
}

// Buckets of a scale above the highest schema go to the one they lie in.
func TestBucketsOfHighScalesAreMerged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scale, fill := int32(rapid.IntRange(maxSchema+1, 14).Draw(t, "scale")), drawExponential(t, second)
		s, want := NewStore(Options{}), map[int]uint64{}
		require.Equal(t, 1, s.Add(exponential(cumulative, func(p pmetric.ExponentialHistogramDataPoint) {
			fill(p)
			p.SetScale(scale)
			p.SetZeroThreshold(0)
			for i, n := range p.Positive().BucketCounts().All() {
				middle := math.Ldexp(float64(p.Positive().Offset())+float64(i)+0.5, maxSchema-int(scale))
				want[int(math.Ceil(middle))] += n
			}
		})).Accepted)
		got := map[int]uint64{}
		for it := exported(t, s).PositiveBucketIterator(); it.Next(); {
			got[int(it.At().Index)] += it.At().Count
		}
		require.Equal(t, populated(want), populated(got))
	})
}

func populated(counts map[int]uint64) map[int]uint64 {
	out := map[int]uint64{}
	for index, n := range counts {
		if n > 0 {
			out[index] = n
		}
	}
	return out
}

// A point says how wide its zero bucket is; without, and with nonsense, it is as narrow as the specification asks for.
func TestZeroThreshold(t *testing.T) {
	for given, want := range map[float64]float64{0.25: 0.25, 0: 1e-128, -1: 1e-128, math.Inf(1): 1e-128, 1e-300: 1e-300} {
		s := NewStore(Options{})
		requireAccepted(t, s, exponential(cumulative, func(p pmetric.ExponentialHistogramDataPoint) {
			p.SetZeroThreshold(given)
			p.SetZeroCount(3)
			p.SetCount(3)
			p.SetSum(0)
		}))
		require.InEpsilon(t, want, exported(t, s).ZeroThreshold, 1e-15)
		le := strconv.FormatFloat(want, 'g', -1, 64)
		require.InDelta(t, 3, scrape(t, s, textLegacy).values[`{__name__="h_bucket", le="`+le+`"}`], 0)
	}
}

// Deltas of one populated bucket each, 1 to 5 buckets apart, on both sides of the gap at which a span ends.
func TestSpansOfAllGaps(t *testing.T) {
	for gap := range int32(5) {
		s := NewStore(Options{})
		for i := range int32(2) {
			requireAccepted(t, s, exponential(delta, func(p pmetric.ExponentialHistogramDataPoint) {
				p.SetStartTimestamp(pcommon.Timestamp(i) * second)
				p.SetTimestamp(pcommon.Timestamp(i+1) * second)
				p.SetSum(1)
				p.SetCount(2 * uint64(i+1))
				p.Positive().SetOffset(3 + i*(gap+1))
				p.Positive().BucketCounts().FromRaw([]uint64{uint64(i + 1)})
				p.Negative().SetOffset(-3 + i*(gap+1))
				p.Negative().BucketCounts().FromRaw([]uint64{uint64(i + 1)})
			}))
		}
		mfs, err := s.Gather() // Prometheus' parser makes other spans of them
		require.NoError(t, err)
		h := mfs[0].Metric[0].Histogram
		spans, deltas := []*dto.BucketSpan{span(4, uint32(gap+2))}, [][]int64{{1, 1}, {1, -1, 2}, {1, -1, 0, 2}, {1, 1}, {1, 1}}[gap]
		if gap > 2 {
			spans = []*dto.BucketSpan{span(4, 1), span(gap, 1)}
		}
		require.Equal(t, spans, h.PositiveSpan, gap)
		require.Equal(t, deltas, h.PositiveDelta, gap)
		require.Equal(t, deltas, h.NegativeDelta, gap)
		require.Equal(t, map[float64]float64{16: 1, math.Ldexp(1, int(gap)+5): 2}, positiveBounds(exported(t, s)), gap)
	}
}

func positiveBounds(h *histogram.Histogram) map[float64]float64 {
	out := map[float64]float64{}
	for it := h.PositiveBucketIterator(); it.Next(); {
		if b := it.At(); b.Count > 0 {
			out[b.Upper] = float64(b.Count)
		}
	}
	return out
}
