package metrics

import (
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"pgregory.net/rapid"
)

// checkQuantiles compares a summary's quantiles with those of the sorted values.
func checkQuantiles(t require.TestingT, s *Summary[float64], values []float64, bound float64) {
	sorted := slices.Sorted(slices.Values(values))
	for _, q := range []float64{0, 0.01, 0.25, 0.5, 0.9, 0.99, 1} {
		want := sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
		got := s.Quantile(q)
		require.LessOrEqual(t, math.Abs(got-want), bound*math.Abs(want)*(1+1e-9), "quantile %v: %v instead of %v", q, got, want)
	}
}

func TestQuantilesAreWithinTheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bound := rapid.SampledFrom([]float64{0.0014, 0.01, 0.05, 0.3}).Draw(t, "bound")
		s := Must(NewSummary("s", "h", nil, Constraints[float64]{}, WithRelativeError(bound)))
		value := rapid.Custom(func(t *rapid.T) float64 {
			sign := float64(rapid.IntRange(-1, 1).Draw(t, "sign"))
			return sign * math.Exp2(rapid.Float64Range(-19, 19).Draw(t, "log"))
		})
		values := rapid.SliceOfN(value, 1, 200).Draw(t, "values")
		for i, v := range values {
			s.Observe(v)
			if i%50 == 0 {
				checkQuantiles(t, s, values[:i+1], bound)
			}
		}
		checkQuantiles(t, s, values, bound)
		require.Equal(t, uint64(len(values)), s.Count())
	})
}

// Values 10^12 times smaller than others lose their bound, memory keeps its own, and the large ones lose nothing.
func TestQuantilesOfAllMagnitudes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Must(NewSummary[float64]("s", "h", nil, Constraints[float64]{}))
		// Subnormal floats are too few for the bound.
		normal := rapid.Map(rapid.Uint64Range(math.Float64bits(0x1p-1021), math.Float64bits(math.MaxFloat64)), math.Float64frombits)
		values := rapid.SliceOfN(normal, 1, 50).Draw(t, "values")
		for _, v := range values {
			s.Observe(v)
		}
		limit := s.recorder.plan.limit
		require.LessOrEqual(t, len(s.recorder.sides[0].counts), 2*limit+1)
		require.LessOrEqual(t, s.recorder.tally.positive.width(), limit)
		largest := slices.Max(values)
		sorted := slices.Sorted(slices.Values(values))
		for i, v := range sorted {
			if v > largest/1e11 {
				q := float64(i+1) / float64(len(sorted))
				got := s.Quantile(q - 1e-9)
				require.InEpsilon(t, v, got, DefaultRelativeError+1e-9)
			}
		}
	})
}

func TestOldObservationsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Must(NewSummary("s", "h", nil, Constraints[float64]{}, WithMaxAge(10*time.Minute, 5)))
		assert.True(t, math.IsNaN(s.Quantile(0.5)))
		time.Sleep(time.Hour)
		s.Observe(100)
		for range 9 { // for all but one window it is remembered
			synctest.Wait()
			assert.InEpsilon(t, 100, s.Quantile(1), 0.01)
			time.Sleep(time.Minute - time.Nanosecond)
		}
		s.Observe(1)
		time.Sleep(61 * time.Second)
		synctest.Wait()
		assert.InEpsilon(t, 1, s.Quantile(1), 0.01, "the first one is forgotten")
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		assert.True(t, math.IsNaN(s.Quantile(1)), "and the second")
		assert.False(t, s.armed.Load(), "an idle summary costs nothing")
		assert.Equal(t, uint64(2), s.Count(), "since the beginning")
		assert.InDelta(t, 101, s.Sum(), 0)
		assert.Contains(t, page(t, registryOf(t, s), formats[0]), `s{quantile="0.5"} NaN`)
		assert.Empty(t, produced(t, s).Metrics[0].Data.(metricdata.Summary).DataPoints[0].QuantileValues)

		s.Observe(5)
		assert.InEpsilon(t, 5, s.Quantile(1), 0.01, "it goes on")
		time.Sleep(11 * time.Minute)
	})
}

// What a value 10^12 times larger has joined is told apart again when that value is forgotten.
func TestLargeObservationsAreForgottenWithTheBucketsTheyJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Must(NewSummary("s", "h", nil, Constraints[float64]{}, WithMaxAge(10*time.Minute, 5)))
		s.Observe(1e-3)
		s.Observe(1e15)
		s.Observe(-1e-3)
		s.Observe(-1e15)
		var values []float64
		for i := range 1000 {
			values = append(values, float64(i-500)/1000)
		}
		for range 11 { // never idle
			for _, v := range values {
				s.Observe(v)
			}
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		checkQuantiles(t, s, values, DefaultRelativeError)
		time.Sleep(11 * time.Minute)
	})
}

func TestOneWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Must(NewSummary("s", "h", nil, Constraints[int64]{}, WithMaxAge(time.Minute, 1)))
		s.Observe(3)
		assert.InDelta(t, 3, s.Quantile(0.5), 0, "a quantile is never beyond what was observed")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		assert.True(t, math.IsNaN(s.Quantile(0.5)))
		assert.Equal(t, uint64(1), s.Count())
	})
}

func TestQuantileThatIsNone(t *testing.T) {
	s := Must(NewSummary[float64]("s", "h", nil, Constraints[float64]{}))
	s.Observe(1)
	assert.True(t, math.IsNaN(s.Quantile(2)))
	assert.True(t, math.IsNaN(s.Quantile(math.NaN())))
}

// Nothing is lost or counted twice while windows turn.
func TestSummaryConcurrently(t *testing.T) {
	s := Must(NewSummary("s", "h", nil, Constraints[int64]{}, WithMaxAge(5*time.Millisecond, 5)))
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for i := range 20000 {
				s.Observe(int64(i) << (i % 20))
				if i%1000 == 0 {
					s.Quantile(0.5)
				}
			}
		})
	}
	writers.Wait()
	assert.Equal(t, uint64(4*20000), s.Count())
	var sum float64
	for i := range 20000 {
		sum += float64(int64(i) << (i % 20))
	}
	assert.InDelta(t, 4*sum, s.Sum(), 0)
}
