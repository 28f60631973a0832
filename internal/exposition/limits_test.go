package exposition

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func TestMaxMemoryIsKept(t *testing.T) {
	const bound = 1 << 20
	s := NewStore(Options{MaxMemory: bound})
	accepted := 0
	for i := range 20_000 {
		out := s.Add(gauge(fmt.Sprint("g", i%10), 1, "i", strconv.Itoa(i), "j", "some more text"))
		accepted += out.Accepted
		if out.Accepted == 0 {
			require.Equal(t, map[Reason]int{ReasonMaxMemory: 1}, out.Refused)
		}
	}
	assert.LessOrEqual(t, s.Memory(), int64(bound))
	assert.Greater(t, accepted, 1000)
	assert.Equal(t, accepted, s.Len())
	requireAccepted(t, s, gauge("g0", 2, "i", "0", "j", "some more text"))
}

func TestMaxMemoryBoundsTheBucketsOfKnownSeries(t *testing.T) {
	s := NewStore(Options{MaxMemory: 64 << 10})
	histogram := func(bounds int) pmetric.Metrics {
		return single(func(m pmetric.Metric) {
			m.SetName("h")
			m.SetEmptyHistogram().SetAggregationTemporality(cumulative)
			dp := m.Histogram().DataPoints().AppendEmpty()
			for i := range bounds {
				dp.ExplicitBounds().Append(float64(i))
			}
			dp.BucketCounts().FromRaw(make([]uint64, bounds+1))
		})
	}
	requireAccepted(t, s, histogram(10))
	assert.Equal(t, map[Reason]int{ReasonMaxMemory: 1}, s.Add(histogram(10_000)).Refused)
	requireAccepted(t, s, histogram(20))
	assert.LessOrEqual(t, s.Memory(), int64(64<<10))
}

func TestMemoryOfAnEmptiedStore(t *testing.T) {
	s := NewStore(Options{})
	md := allTypes()
	requireAccepted(t, s, md)
	require.Positive(t, s.Memory())
	eachPoint(md, func(p stalePoint) { p.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true)) })
	requireAccepted(t, s, md)
	assert.Zero(t, s.Len(), "target_info goes with the last series of its target")
	assert.Zero(t, s.Memory())
	assert.Empty(t, s.mu.families)
	assert.Empty(t, s.mu.samples)
	assert.Empty(t, s.contexts.resources)
}

// stalePoint is a point that can be made a staleness marker.
type stalePoint interface {
	SetFlags(pmetric.DataPointFlags)
}

func eachPoint(md pmetric.Metrics, visit func(stalePoint)) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				eachPointOf(m, visit)
			}
		}
	}
}

func eachPointOf(m pmetric.Metric, visit func(stalePoint)) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		for _, p := range m.Gauge().DataPoints().All() {
			visit(p)
		}
	case pmetric.MetricTypeSum:
		for _, p := range m.Sum().DataPoints().All() {
			visit(p)
		}
	case pmetric.MetricTypeHistogram:
		for _, p := range m.Histogram().DataPoints().All() {
			visit(p)
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, p := range m.ExponentialHistogram().DataPoints().All() {
			visit(p)
		}
	case pmetric.MetricTypeSummary:
		for _, p := range m.Summary().DataPoints().All() {
			visit(p)
		}
	case pmetric.MetricTypeEmpty:
	}
}
