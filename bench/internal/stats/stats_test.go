package stats

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSpread(t *testing.T) {
	assert.Equal(t, Spread{Median: 2, Min: 1, Max: 9, N: 3}, Of([]float64{9, 1, 2}))
	assert.Equal(t, Spread{Median: 1.5, Min: 1, Max: 2, N: 2}, Of([]float64{2, 1}))
	assert.Equal(t, Spread{}, Of(nil))
}

func TestQuantile(t *testing.T) {
	v := []int{5, 1, 4, 2, 3}
	assert.Equal(t, 1, Quantile(v, 0))
	assert.Equal(t, 3, Quantile(v, 0.5))
	assert.Equal(t, 5, Quantile(v, 0.99))
	assert.Equal(t, []int{5, 1, 4, 2, 3}, v, "the argument keeps its order")
	assert.Zero(t, Quantile([]int(nil), 0.5))
}

func TestRatios_LeavesOutWhatCannotBeDivided(t *testing.T) {
	assert.Equal(t, []float64{2, 3}, Ratios([]float64{2, 1, 0, -1, 9, 7}, []float64{1, 0, 1, 1, 3}))
}
