package metrics

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// positive is any finite float above zero, by its bits.
func positive() *rapid.Generator[float64] {
	return rapid.Map(rapid.Uint64Range(1, math.Float64bits(math.MaxFloat64)), math.Float64frombits)
}

// bound is 2^(index/256), as exact as 300 bits are.
func bound(index int) *big.Float {
	root := new(big.Float).SetPrec(300).SetInt64(2)
	for range finestScale {
		root.Sqrt(root)
	}
	b := new(big.Float).SetPrec(300).SetInt64(1)
	for range index & (perOctave - 1) {
		b.Mul(b, root)
	}
	return b.SetMantExp(b, index>>finestScale)
}

func TestBucketIndexIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := positive().Draw(t, "v")
		index := int(bucketIndex(v))
		exact := new(big.Float).SetFloat64(v)
		require.Positive(t, exact.Cmp(bound(index)), "above the lower bound")
		require.LessOrEqual(t, exact.Cmp(bound(index+1)), 0, "up to the upper bound")
	})
}

// The values next to a bound are where an approximation would be wrong.
func TestBucketIndexAtBounds(t *testing.T) {
	for index := range 2 * perOctave {
		below := lowerBound(int32(index), 0)
		exact := bound(index)
		require.LessOrEqual(t, new(big.Float).SetFloat64(below).Cmp(exact), 0)
		assert.Equal(t, int32(index-1), bucketIndex(below))
		assert.Equal(t, int32(index), bucketIndex(math.Nextafter(below, math.Inf(1))))
	}
}

func TestBucketIndexAtTheEnds(t *testing.T) {
	assert.Equal(t, int32(1024*perOctave-1), bucketIndex(math.MaxFloat64))
	assert.Equal(t, int32(-1074*perOctave-1), bucketIndex(math.SmallestNonzeroFloat64))
	assert.Equal(t, int32(-1), bucketIndex(1))
	assert.Equal(t, int32(0), bucketIndex(math.Nextafter(1, 2)))
}

func TestSlotAmong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 70).Draw(t, "bounds")
		bounds := make([]float64, n)
		for i := range bounds {
			bounds[i] = float64(i)
		}
		v := float64(rapid.IntRange(-1, 71*2).Draw(t, "half")) / 2
		want := 0
		for want < n && v > bounds[want] {
			want++
		}
		require.Equal(t, want, slotAmong(bounds, v))
	})
}
