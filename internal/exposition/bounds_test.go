package exposition

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// bucketed is a batch of one point of a histogram; each bucket has the count of its place, from 1 on.
func bucketed(temporality pmetric.AggregationTemporality, end pcommon.Timestamp, bounds []float64, attrs ...string) pmetric.Metrics {
	return single(func(m pmetric.Metric) {
		m.SetName("h")
		m.SetEmptyHistogram().SetAggregationTemporality(temporality)
		p := m.Histogram().DataPoints().AppendEmpty()
		putAll(p, attrs)
		p.SetStartTimestamp((end - 1) * second)
		p.SetTimestamp(end * second)
		p.SetSum(1)
		p.ExplicitBounds().FromRaw(bounds)
		for i := range uint64(len(bounds) + 1) {
			p.BucketCounts().Append(i + 1)
			p.SetCount(p.Count() + i + 1)
		}
	})
}

// bucketsOf returns the buckets of the series whose attribute i has a value, which may be empty.
func bucketsOf(t *testing.T, s *Store, i string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for _, le := range []string{"1.0", "2.0", "3.0", "4.0", "+Inf"} {
		key := fmt.Sprintf("{__name__=\"h_bucket\", i=%q, le=%q}", i, le)
		if i == "" {
			key = fmt.Sprintf("{__name__=\"h_bucket\", le=%q}", le)
		}
		if v, shown := scrape(t, s, textLegacy).values[key]; shown {
			out[le] = v
		}
	}
	return out
}

func TestBoundsOfTheSeriesOfAFamilyMayDiffer(t *testing.T) {
	s := NewStore(Options{})
	for i, bounds := range [][]float64{{1, 2}, {1, 2}, {1, 3}, {2}, {}, {1, 2}} {
		requireAccepted(t, s, bucketed(cumulative, 1, bounds, "i", strconv.Itoa(i)))
	}
	for i, want := range []map[string]float64{
		{"1.0": 1, "2.0": 3, "+Inf": 6},
		{"1.0": 1, "2.0": 3, "+Inf": 6},
		{"1.0": 1, "3.0": 3, "+Inf": 6},
		{"2.0": 1, "+Inf": 3},
		{"+Inf": 1},
		{"1.0": 1, "2.0": 3, "+Inf": 6},
	} {
		assert.Equal(t, want, bucketsOf(t, s, strconv.Itoa(i)), i)
	}
}

func TestBoundsOfASeriesMayChange(t *testing.T) {
	for name, bounds := range map[string][]float64{"another": {1, 3}, "fewer": {1}, "more": {1, 2, 3}, "none": {}} {
		for _, temporality := range []pmetric.AggregationTemporality{cumulative, delta} {
			s, fresh := NewStore(Options{}), NewStore(Options{})
			requireAccepted(t, s, bucketed(temporality, 1, []float64{1, 2}))
			requireAccepted(t, s, bucketed(temporality, 2, bounds))
			requireAccepted(t, fresh, bucketed(temporality, 2, bounds))
			assert.Equal(t, scrape(t, fresh, omLegacy).values, scrape(t, s, omLegacy).values, "%s, %s", name, temporality)
		}
	}
}

func TestAHistogramThatStartsAnewSaysSo(t *testing.T) {
	for name, next := range map[string]pmetric.Metrics{"other bounds": bucketed(delta, 5, []float64{1}), "native": exponentialOf(5)} {
		s := NewStore(Options{})
		requireAccepted(t, s, bucketed(delta, 4, []float64{1, 2}))
		requireAccepted(t, s, next)
		assert.EqualValues(t, 4000, scrape(t, s, omLegacy).created[`{__name__="h_count"}`], name)
	}
}

func TestEqualBoundsAddUp(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, bucketed(delta, 1, []float64{1, 2}))
	requireAccepted(t, s, bucketed(delta, 2, []float64{1, 2}))
	assert.Equal(t, map[string]float64{"1.0": 2, "2.0": 6, "+Inf": 12}, bucketsOf(t, s, ""))
}

// The two counts behind the last finite bound are of one bucket.
func TestExplicitInfiniteBoundIsTheOneEveryHistogramHas(t *testing.T) {
	for _, temporality := range []pmetric.AggregationTemporality{cumulative, delta} {
		s := NewStore(Options{})
		requireAccepted(t, s, bucketed(temporality, 1, []float64{1, math.Inf(1)}))
		require.Equal(t, map[string]float64{"1.0": 1, "+Inf": 6}, bucketsOf(t, s, ""))
		requireAccepted(t, s, bucketed(temporality, 2, []float64{1, math.Inf(1)}))
		want := map[string]float64{"1.0": 1, "+Inf": 6}
		if temporality == delta {
			want = map[string]float64{"1.0": 2, "+Inf": 12}
		}
		require.Equal(t, want, bucketsOf(t, s, ""))
	}
	s := NewStore(Options{})
	requireAccepted(t, s, bucketed(delta, 1, []float64{1, math.Inf(1)}))
	requireAccepted(t, s, bucketed(delta, 2, []float64{1}))
	assert.Equal(t, map[string]float64{"1.0": 2, "+Inf": 9}, bucketsOf(t, s, ""), "the bounds are the same")
}
