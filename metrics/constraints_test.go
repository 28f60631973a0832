package metrics

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var errOdd = errors.New("is odd")

func even(v int64) error {
	if v%2 != 0 {
		return errOdd
	}
	return nil
}

// The words of the issue: it compiles, and reads so.
func TestConstructorsReadAsPromised(t *testing.T) {
	Min, Max, Validate := new(int64(0)), new(int64(10)), even
	c, err := NewCounter[int64]("name", "help", Labels{"app": "shop"}, Constraints[int64]{Min, Max, Validate}, WithUnit("{item}"))
	require.NoError(t, err)
	require.NoError(t, c.TryAdd(0), "a bound may be zero, and is accepted itself")
	require.NoError(t, c.TryAdd(10))
	require.ErrorIs(t, c.TryAdd(12), ErrAboveMax)
	*Max = 100
	require.EqualError(t, c.TryAdd(12), `counter "name": 12 is above the maximum`, "bounds are copied")

	err = c.TryAdd(3)
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorIs(t, err, errOdd)
	require.EqualError(t, err, `counter "name": 3 is not valid: is odd`)
	assert.Equal(t, int64(10), c.Value())
}

// outcome is what recording a value comes to, in the words of the documentation.
func outcome(v float64, c Constraints[float64]) error {
	switch {
	case math.IsNaN(v):
		return ErrNaN
	case math.IsInf(v, 0):
		return ErrInfinite
	case c.Min != nil && v < *c.Min:
		return ErrBelowMin
	case c.Max != nil && v > *c.Max:
		return ErrAboveMax
	case c.Validate != nil && c.Validate(v) != nil:
		return ErrInvalid
	default:
		return nil
	}
}

func number() *rapid.Generator[float64] {
	return rapid.OneOf(
		rapid.Float64Range(-100, 100),
		rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, -10, 10, 1e300, math.MaxFloat64}),
	)
}

func constraints() *rapid.Generator[Constraints[float64]] {
	return rapid.Custom(func(t *rapid.T) (c Constraints[float64]) {
		if rapid.Bool().Draw(t, "min") {
			c.Min = new(rapid.Float64Range(-50, 0).Draw(t, "min"))
		}
		if rapid.Bool().Draw(t, "max") {
			c.Max = new(rapid.Float64Range(0, 50).Draw(t, "max"))
		}
		if rapid.Bool().Draw(t, "validate") {
			c.Validate = func(v float64) error {
				if int(v)%3 == 1 {
					return errOdd
				}
				return nil
			}
		}
		return c
	})
}

// What the Try methods refuse, the others drop and count, by the same reason; neither changes anything.
func TestConstraintsHoldOnEveryRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := constraints().Draw(t, "constraints")
		tried := Must(NewHistogram("tried", "h", nil, c, WithBounds(0)))
		done := Must(NewHistogram("done", "h", nil, c, WithBounds(0)))
		set := Must(NewGauge("set", "h", nil, c))
		counted := Must(NewCounter("counted", "h", nil, c))
		summarised := Must(NewSummary("summarised", "h", nil, c))
		dropped := map[string]int64{}
		var observed uint64
		var value, total float64
		for _, v := range rapid.SliceOfN(number(), 1, 30).Draw(t, "values") {
			want := outcome(v, c)
			require.ErrorIs(t, tried.TryObserve(v), want)
			require.ErrorIs(t, summarised.TryObserve(v), want)
			done.Observe(v)
			summarised.Observe(v)
			if want == nil {
				observed++
			} else {
				dropped[refusalIn(want).reason]++
			}
			if err := set.TrySet(v); !gaugeTakes(v, c) {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				value = v
			}
			if err := counted.TryAdd(v); err == nil {
				total += v
				require.GreaterOrEqual(t, v, 0.0)
			}
		}
		require.Equal(t, observed, tried.Count())
		require.Equal(t, observed, done.Count())
		require.Equal(t, 2*observed, summarised.Count())
		require.Equal(t, dropped, dropsOf(done))
		require.Equal(t, dropped, dropsOf(summarised))
		require.Empty(t, dropsOf(tried), "who asks is told, and need not be counted")
		require.Equal(t, math.Float64bits(value), math.Float64bits(set.Value()))
		require.InEpsilon(t, total+1, counted.Value()+1, 1e-12)
	})
}

// gaugeTakes differs from outcome in NaN and the infinities, which are values of a gauge like others.
func gaugeTakes(v float64, c Constraints[float64]) bool {
	if c.Validate != nil && c.Validate(v) != nil {
		return false
	}
	low, high := c.Min == nil || v >= *c.Min, c.Max == nil || v <= *c.Max
	return low && high
}

func dropsOf(i Instrument) map[string]int64 {
	counts := map[string]int64{}
	for _, d := range allDrops([]Instrument{i}) {
		counts[d.reason] = d.count
	}
	return counts
}

func TestCounterRefuses(t *testing.T) {
	c := Must(NewCounter[float64]("c", "h", nil, Constraints[float64]{}))
	require.ErrorIs(t, c.TryAdd(-1), ErrNegative)
	require.ErrorIs(t, c.TryAdd(math.NaN()), ErrNaN)
	require.ErrorIs(t, c.TryAdd(math.Inf(1)), ErrInfinite)
	require.ErrorIs(t, c.TryAdd(math.Inf(-1)), ErrInfinite)
	require.NoError(t, c.TryAdd(math.Copysign(0, -1)))
	require.NoError(t, c.TryAdd(0.5))
	assert.InDelta(t, 0.5, c.Value(), 0)

	i := Must(NewCounter[int64]("i", "h", nil, Constraints[int64]{}))
	i.Add(-1)
	i.Add(math.MinInt64)
	assert.Equal(t, int64(0), i.Value())
	assert.Equal(t, map[string]int64{"negative": 2}, dropsOf(i))

	u := Must(NewCounter[uint64]("u", "h", nil, Constraints[uint64]{}))
	require.ErrorIs(t, u.TryAdd(math.MaxInt64+1), ErrOverflow)
}

func TestFiniteIsAValidation(t *testing.T) {
	g := Must(NewGauge("g", "h", nil, Constraints[float64]{Validate: Finite[float64]}))
	err := g.TrySet(math.Inf(1))
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorIs(t, err, ErrInfinite)
	require.NoError(t, g.TrySet(1))
	g.Set(math.NaN())
	assert.Equal(t, map[string]int64{"invalid": 1}, dropsOf(g), "by the first of the reasons")
}

func checkGauge[T Number](t *testing.T, low, high int64) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		g := Must(NewGauge[T]("g", "h", nil, Constraints[T]{}))
		var value int64
		for range 20 {
			v := rapid.Int64Range(low, high).Draw(t, "v")
			next, change := value+v, g.TryAdd
			if rapid.Bool().Draw(t, "sub") {
				next, change = value-v, g.TrySub
			}
			if next < low || next > high {
				require.ErrorIs(t, change(T(v)), ErrOverflow)
			} else {
				require.NoError(t, change(T(v)))
				value = next
			}
			require.Equal(t, T(value), g.Value())
		}
	})
}

func TestGaugesNeverWrap(t *testing.T) {
	t.Run("int8", func(t *testing.T) { checkGauge[int8](t, math.MinInt8, math.MaxInt8) })
	t.Run("uint8", func(t *testing.T) { checkGauge[uint8](t, 0, math.MaxUint8) })
	t.Run("int32", func(t *testing.T) { checkGauge[int32](t, math.MinInt32, math.MaxInt32) })
}

func TestGaugeAtTheEnds(t *testing.T) {
	i := Must(NewGauge[int64]("i", "h", nil, Constraints[int64]{}))
	i.Set(math.MaxInt64)
	i.Inc()
	require.ErrorIs(t, i.TrySub(math.MinInt64), ErrOverflow)
	assert.Equal(t, int64(math.MaxInt64), i.Value())
	i.Dec()
	assert.Equal(t, int64(math.MaxInt64-1), i.Value())
	assert.Equal(t, map[string]int64{"overflow": 1}, dropsOf(i))

	u := Must(NewGauge[uint64]("u", "h", nil, Constraints[uint64]{}))
	require.ErrorIs(t, u.TrySet(math.MaxInt64+1), ErrOverflow)
	require.ErrorIs(t, u.TrySub(1), ErrOverflow)
	require.NoError(t, u.TrySet(math.MaxInt64))
	require.ErrorIs(t, u.TryAdd(1), ErrOverflow)

	f := Must(NewGauge[float64]("f", "h", nil, Constraints[float64]{}))
	f.Set(math.MaxFloat64)
	require.ErrorIs(t, f.TryAdd(math.MaxFloat64), ErrOverflow)
	require.ErrorIs(t, f.TryAdd(math.NaN()), ErrNaN)
	require.ErrorIs(t, f.TrySub(math.Inf(1)), ErrInfinite)
	f.Set(math.Inf(1))
	require.NoError(t, f.TryAdd(1), "infinite it stays")
	assert.True(t, math.IsInf(f.Value(), 1))
}

// Constraints of a gauge are on the value it would have.
func TestGaugeConstraintsOnChanges(t *testing.T) {
	g := Must(NewGauge("g", "h", nil, Constraints[int64]{Min: new(int64(0)), Max: new(int64(3)), Validate: nil}))
	for range 5 {
		g.Inc()
	}
	assert.Equal(t, int64(3), g.Value())
	g.Sub(2)
	require.ErrorIs(t, g.TrySub(2), ErrBelowMin)
	assert.Equal(t, map[string]int64{"above_max": 2}, dropsOf(g))
}

func TestIntegerSumsBeyondInt64(t *testing.T) {
	h := Must(NewHistogram[int64]("h", "h", nil, Constraints[int64]{}, WithBounds(0)))
	for range 3 {
		h.Observe(math.MaxInt64)
	}
	h.Observe(-5)
	assert.InEpsilon(t, 3*float64(math.MaxInt64)-5, h.Sum(), 1e-15)
	tally, _ := h.snapshot()
	assert.Equal(t, int64(math.MaxInt64), tally.sum.int64(), "OTel's sum ends where int64 does")
	assert.Equal(t, int64(-5), tally.min)
	for range 8 {
		h.Observe(math.MinInt64)
	}
	tally, _ = h.snapshot()
	assert.Equal(t, int64(math.MinInt64), tally.sum.int64())
}
