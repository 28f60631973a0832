package metrics

import (
	"math"
	"math/big"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func integerCounter[T Number](t require.TestingT) *Counter[T] {
	c, err := NewCounter[T]("c", "h", nil, Constraints[T]{})
	require.NoError(t, err)
	return c
}

// checkTotals compares a counter with arithmetic that has no end, near the end of its type.
func checkTotals[T Number](t *testing.T, largest int64) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		c, sum := integerCounter[T](t), new(big.Int)
		amount := rapid.OneOf(
			rapid.Int64Range(0, min(largest, 20)),
			rapid.Int64Range(0, min(largest, math.MaxUint32)),
			rapid.Int64Range(largest/2-10, largest),
		)
		for _, v := range rapid.SliceOf(amount).Draw(t, "amounts") {
			next := new(big.Int).Add(sum, big.NewInt(v))
			err := c.TryAdd(T(v))
			if next.Cmp(big.NewInt(largest)) > 0 {
				require.ErrorIs(t, err, ErrOverflow)
			} else {
				require.NoError(t, err)
				sum = next
			}
			require.Equal(t, T(sum.Int64()), c.Value())
		}
	})
}

type celsius int16

func TestTotalsNeverWrap(t *testing.T) {
	t.Run("int8", func(t *testing.T) { checkTotals[int8](t, math.MaxInt8) })
	t.Run("uint8", func(t *testing.T) { checkTotals[uint8](t, math.MaxUint8) })
	t.Run("int16", func(t *testing.T) { checkTotals[celsius](t, math.MaxInt16) })
	t.Run("uint32", func(t *testing.T) { checkTotals[uint32](t, math.MaxUint32) })
	t.Run("int", func(t *testing.T) { checkTotals[int](t, math.MaxInt) })
	t.Run("int64", func(t *testing.T) { checkTotals[int64](t, math.MaxInt64) })
	t.Run("uint64", func(t *testing.T) { checkTotals[uint64](t, math.MaxInt64) })
}

// Many writers at the end of the range: what was accepted is what is there, the most is there that could be, and no
// reader sees the total fall or pass the end.
func TestTotalsAtTheEndWithManyWriters(t *testing.T) {
	c := integerCounter[int16](t)
	var accepted atomic.Int64
	var writers sync.WaitGroup
	stop := make(chan struct{})
	reader := make(chan struct{})
	go func() {
		defer close(reader)
		last := int16(0)
		for {
			now := c.Value()
			if now < last {
				t.Errorf("fell from %d to %d", last, now)
			}
			last = now
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	for w := range 8 {
		writers.Go(func() {
			for range 3000 {
				if v := int16(1 + w%3*7); c.TryAdd(v) == nil {
					accepted.Add(int64(v))
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	<-reader
	assert.Equal(t, int64(c.Value()), accepted.Load())
	assert.Equal(t, int16(math.MaxInt16), c.Value(), "writers of 1 fill it to the end")
}

func TestFloatTotals(t *testing.T) {
	c := integerCounter[float64](t)
	require.NoError(t, c.TryAdd(math.MaxFloat64))
	require.ErrorIs(t, c.TryAdd(math.MaxFloat64), ErrOverflow)
	require.NoError(t, c.TryAdd(1), "lost in rounding, as floats are")
	assert.InDelta(t, math.MaxFloat64, c.Value(), 0)

	narrow := integerCounter[float32](t)
	require.NoError(t, narrow.TryAdd(math.MaxFloat32))
	require.ErrorIs(t, narrow.TryAdd(math.MaxFloat32), ErrOverflow)
	assert.InDelta(t, math.MaxFloat32, float64(narrow.Value()), 0)
}

// Whole floats are counted in an integer; beyond its end they go on as floats.
func TestWholeFloatsBeyondInt64(t *testing.T) {
	c := integerCounter[float64](t)
	c.total.word.Store(math.MaxInt64 - 1)
	for range 4 {
		c.Add(math.MaxUint32)
	}
	assert.InDelta(t, math.MaxInt64+4*float64(math.MaxUint32), c.Value(), 4096)
	c.Inc()
	assert.Empty(t, c.series.family.dropped.Load())
}
