package exposition

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// A series is not gone whose source sends on, even if each of its deltas is refused.
func TestRefusedDeltasKeepTheirSeries(t *testing.T) {
	for reason, next := range map[Reason]func(i pcommon.Timestamp) pmetric.Metrics{
		ReasonMisalignedDelta: func(i pcommon.Timestamp) pmetric.Metrics { return deltaPoint(10*i+5, 10*i+10, 1) },
		ReasonInvalidValue:    func(i pcommon.Timestamp) pmetric.Metrics { return deltaPoint(10*i, 10*i+10, math.NaN()) },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := NewStore(Options{Expiration: time.Minute})
			requireAccepted(t, s, deltaPoint(0, 10, 7))
			for i := range pcommon.Timestamp(4) {
				time.Sleep(40 * time.Second)
				require.Equal(t, map[Reason]int{reason: 1}, s.Add(next(i+1)).Refused)
				require.Zero(t, s.Expire(), reason)
				require.Equal(t, map[string]float64{`{__name__="c_total"}`: 7}, scrape(t, s, textLegacy).values)
			}
			requireAccepted(t, s, deltaPoint(50, 60, 1))
			assert.InDelta(t, 8, scrape(t, s, textLegacy).values[`{__name__="c_total"}`], 0)
			time.Sleep(time.Minute)
			assert.Equal(t, 1, s.Expire())
		})
	}
}

// A delta that comes a second time, or late, says nothing about its source.
func TestRefusedDeltaDoesNotMoveItsWindowBack(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, deltaPoint(0, 20, 1))
	assert.Equal(t, map[Reason]int{ReasonInvalidValue: 1}, s.Add(deltaPoint(0, 10, math.NaN())).Refused)
	requireAccepted(t, s, deltaPoint(20, 30, 1))
}
