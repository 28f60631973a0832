package constraint

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	_ "github.com/sluice-metrics/sluice/internal/proof"
)

type (
	celsius float64
	count   uint16
)

// Every type that a value may have keeps the same promises.
func TestConstraints(t *testing.T) {
	t.Run("int", properties(rapid.Int()))
	t.Run("int8", properties(rapid.Int8()))
	t.Run("int16", properties(rapid.Int16()))
	t.Run("int32", properties(rapid.Int32()))
	t.Run("int64", properties(rapid.OneOf(rapid.Int64(), edges[int64](math.MinInt64, math.MinInt64+1, -1<<53-1, 1<<53+1, 1<<53+3, math.MaxInt64-1, math.MaxInt64))))
	t.Run("uint", properties(rapid.Uint()))
	t.Run("uint8", properties(rapid.Uint8()))
	t.Run("uint16", properties(rapid.Uint16()))
	t.Run("uint32", properties(rapid.Uint32()))
	t.Run("uint64", properties(rapid.OneOf(rapid.Uint64(), edges[uint64](0, 1<<53+3, math.MaxUint64-1, math.MaxUint64))))
	t.Run("float32", properties(rapid.OneOf(rapid.Float32(), edges(float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 0.5, -0.5, 1.5))))
	t.Run("float64", properties(rapid.OneOf(rapid.Float64(), edges(math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 0.5, -0.5, 1.5, 2.5, 1<<53+2, 0.49999999999999994))))
	t.Run("a float of its own", properties(rapid.Map(rapid.Float64(), func(f float64) celsius { return celsius(f) })))
	t.Run("an integer of its own", properties(rapid.Map(rapid.Uint16(), func(n uint16) count { return count(n) })))
}

func edges[T any](list ...T) *rapid.Generator[T] { return rapid.SampledFrom(list) }

func drawConstraint[T Number](t *rapid.T, values *rapid.Generator[T]) Constraint[T] {
	c := Constraint[T]{
		Finite: rapid.Bool().Draw(t, "finite"), Integer: rapid.Bool().Draw(t, "integer"), Monotonic: rapid.Bool().Draw(t, "monotonic"),
	}
	bound := func(what string) *T {
		if !rapid.Bool().Draw(t, what+"?") {
			return nil
		}
		v := values.Draw(t, what)
		return &v
	}
	c.Min, c.Max = bound("min"), bound("max")
	return c
}

func properties[T Number](values *rapid.Generator[T]) func(*testing.T) {
	return func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			c := drawConstraint(t, values)
			v, previous := values.Draw(t, "value"), values.Draw(t, "previous")
			if c.Validate() != nil {
				requireInvalid(t, c, values)
				return
			}
			require.Equal(t, oracle(c, v), c.Check(v), "%v", v)
			requireClamped(t, c, v, c.Check, values, func() (T, bool) { return c.Clamp(v) })
			if c.Check(previous) == None {
				requireClamped(t, c, v, func(x T) Violation { return c.CheckAfter(previous, x) }, values, func() (T, bool) { return c.ClampAfter(previous, v) })
			}
			require.Equal(t, c.Min == nil && c.Max == nil && !c.Finite && !c.Integer && !c.Monotonic, c.Empty())
		})
	}
}

// oracle is Check in numbers that neither round nor overflow.
func oracle[T Number](c Constraint[T], v T) Violation {
	f := float64(v)
	notNumber := math.IsNaN(f)
	finite := !notNumber && !math.IsInf(f, 0)
	switch {
	case c.Finite && !finite:
		return NotFinite
	case c.Integer && (!finite || !exact(v).IsInt()):
		return NotInteger
	case c.Min != nil && (notNumber || compare(v, *c.Min) < 0):
		return BelowMin
	case c.Max != nil && (notNumber || compare(v, *c.Max) > 0):
		return AboveMax
	}
	return None
}

// exact is v, which must be finite, as a fraction.
func exact[T Number](v T) *big.Rat {
	r := new(big.Rat)
	if T(1)/2 != 0 {
		return r.SetFloat64(float64(v))
	}
	_, _ = r.SetString(fmt.Sprint(v))
	return r
}

// compare orders numbers, infinities included.
func compare[T Number](a, b T) int {
	x, y := float64(a), float64(b)
	if math.IsInf(x, 0) || math.IsInf(y, 0) {
		switch {
		case x == y:
			return 0
		case x < y:
			return -1
		}
		return 1
	}
	return exact(a).Cmp(exact(b))
}

// requireClamped demands the nearest value that is allowed, of v itself, the bounds, the numbers around and any other.
func requireClamped[T Number](t *rapid.T, c Constraint[T], v T, check func(T) Violation, values *rapid.Generator[T], clamp func() (T, bool)) {
	got, ok := clamp()
	if check(v) == None {
		require.True(t, ok)
		require.True(t, got == v || v != v, "%v is allowed, and has become %v", v, got) //nolint:gocritic // NaN
		return
	}
	if ok {
		require.Equal(t, None, check(got), "%v has become %v", v, got)
	}
	for _, other := range around(c, v, values.Draw(t, "other")) {
		if check(other) != None || math.IsNaN(float64(other)) || math.IsNaN(float64(v)) {
			continue
		}
		if !ok {
			require.True(t, math.IsInf(float64(v), 0), "%v would be allowed in the place of %v", other, v)
			continue
		}
		require.False(t, nearer(other, got, v), "%v is nearer to %v than %v", other, v, got)
	}
}

// around are values that might be nearer.
func around[T Number](c Constraint[T], v, other T) []T {
	list := []T{other, T(math.Floor(float64(v))), T(math.Ceil(float64(v))), T(math.Round(float64(v)))}
	for _, bound := range []*T{c.Min, c.Max} {
		if bound != nil {
			list = append(list, *bound, T(math.Floor(float64(*bound))), T(math.Ceil(float64(*bound))))
		}
	}
	return list
}

func nearer[T Number](a, b, to T) bool {
	if math.IsInf(float64(a), 0) || math.IsInf(float64(b), 0) || math.IsInf(float64(to), 0) {
		// to an infinity nearer is what is farther in its direction
		return math.IsInf(float64(to), 1) && compare(a, b) > 0 || math.IsInf(float64(to), -1) && compare(a, b) < 0
	}
	x, y := new(big.Rat).Sub(exact(a), exact(to)), new(big.Rat).Sub(exact(b), exact(to))
	return x.Abs(x).Cmp(y.Abs(y)) < 0
}

// requireInvalid demands a reason for which a constraint is refused: no value would do, or a bound is none.
func requireInvalid[T Number](t *rapid.T, c Constraint[T], values *rapid.Generator[T]) {
	for _, bound := range []*T{c.Min, c.Max} {
		if bound != nil && math.IsNaN(float64(*bound)) {
			return
		}
	}
	c.Finite = true
	for _, v := range around(c, values.Draw(t, "value"), values.Draw(t, "other")) {
		require.NotEqual(t, None, c.Check(v), "%v is allowed: %v", v, c.Validate())
	}
}

func TestValidateTellsAll(t *testing.T) {
	p := func(f float64) *float64 { return &f }
	for _, tt := range []struct {
		c    Constraint[float64]
		want []string
	}{
		{Constraint[float64]{Min: p(math.NaN()), Max: p(math.NaN())}, []string{"min: must be a number", "max: must be a number"}},
		{Constraint[float64]{Min: p(2), Max: p(1)}, []string{"min: must not be above max, 2 is above 1"}},
		{Constraint[float64]{Min: p(1.2), Max: p(1.8), Integer: true}, []string{"integer: there is none between min 1.2 and max 1.8"}},
		{Constraint[float64]{Min: p(math.Inf(1)), Finite: true}, []string{"finite: "}},
		{Constraint[float64]{Max: p(math.Inf(-1)), Integer: true}, []string{"integer: "}},
	} {
		err := tt.c.Validate()
		require.Error(t, err)
		for _, want := range tt.want {
			require.ErrorContains(t, err, want)
		}
	}
	assert.NoError(t, Constraint[float64]{Min: p(1), Max: p(1), Integer: true, Finite: true}.Validate())
}

// An integer beyond the precision of a float is not rounded on its way.
func TestIntegersAreExact(t *testing.T) {
	bound := int64(1<<53 + 1)
	c := Constraint[int64]{Max: &bound, Integer: true, Finite: true}
	assert.Equal(t, None, c.Check(bound))
	assert.Equal(t, AboveMax, c.Check(bound+1))
	got, ok := c.Clamp(math.MaxInt64)
	assert.True(t, ok)
	assert.Equal(t, bound, got)
}
