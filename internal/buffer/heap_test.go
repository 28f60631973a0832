package buffer

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// shape builds a batch of about 1000 points.
type shape func(r *rand.Rand) pmetric.Metrics

func attributes(r *rand.Rand, m pcommon.Map, n int) {
	for i := range n {
		m.PutStr(fmt.Sprint("attribute.", i), fmt.Sprintf("value-%d", r.IntN(1e6)))
	}
}

// gauges are points with n attributes, each of its metrics with so many of them.
func gauges(n, each int) shape {
	return func(r *rand.Rand) pmetric.Metrics {
		md := pmetric.NewMetrics()
		sm := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
		for i := range 1000 / each {
			m := sm.Metrics().AppendEmpty()
			m.SetName(fmt.Sprint("some.service.requests.", i))
			ps := m.SetEmptyGauge().DataPoints()
			for range each {
				p := ps.AppendEmpty()
				p.SetTimestamp(pcommon.Timestamp(r.Int64()))
				p.SetDoubleValue(r.Float64())
				attributes(r, p.Attributes(), n)
			}
		}
		return md
	}
}

func histograms(buckets int) shape {
	return func(r *rand.Rand) pmetric.Metrics {
		md := pmetric.NewMetrics()
		m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName("some.service.duration")
		ps := m.SetEmptyHistogram().DataPoints()
		for range 1000 {
			p := ps.AppendEmpty()
			p.SetCount(r.Uint64N(1e6))
			p.SetSum(r.Float64())
			for i := range buckets {
				p.BucketCounts().Append(r.Uint64N(1e6))
				p.ExplicitBounds().Append(float64(i))
			}
			p.BucketCounts().Append(1)
			attributes(r, p.Attributes(), 5)
		}
		return md
	}
}

func exponentials(r *rand.Rand) pmetric.Metrics {
	md := pmetric.NewMetrics()
	ps := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyExponentialHistogram().DataPoints()
	for range 1000 {
		p := ps.AppendEmpty()
		for range 40 {
			p.Positive().BucketCounts().Append(r.Uint64N(1000))
		}
		attributes(r, p.Attributes(), 5)
	}
	return md
}

func summaries(r *rand.Rand) pmetric.Metrics {
	md := pmetric.NewMetrics()
	ps := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptySummary().DataPoints()
	for range 1000 {
		p := ps.AppendEmpty()
		for i := range 5 {
			q := p.QuantileValues().AppendEmpty()
			q.SetQuantile(float64(i) / 5)
			q.SetValue(r.Float64())
		}
		attributes(r, p.Attributes(), 4)
	}
	return md
}

// resources has a resource for each point.
func resources(r *rand.Rand) pmetric.Metrics {
	md := pmetric.NewMetrics()
	for range 1000 {
		rm := md.ResourceMetrics().AppendEmpty()
		attributes(r, rm.Resource().Attributes(), 5)
		m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName("up")
		m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	}
	return md
}

// heapOfSome is what n results of a function take of the heap.
func heapOfSome(n int, build func() pmetric.Metrics) int64 {
	all := make([]pmetric.Metrics, n)
	before := liveHeap()
	for i := range all {
		all[i] = build()
	}
	after := liveHeap()
	runtime.KeepAlive(all)
	return after - before
}

func liveHeap() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// TestHeapEstimate compares HeapBytes with the real heap of decoded batches and of those that are built by hand.
func TestHeapEstimate(t *testing.T) {
	for name, build := range map[string]shape{
		"0 attributes": gauges(0, 100), "2 attributes": gauges(2, 100), "5 attributes": gauges(5, 100), "10 attributes": gauges(10, 100),
		"20 attributes": gauges(20, 100), "a point per metric": gauges(5, 1), "a bare point per metric": gauges(1, 1),
		"histograms of 10": histograms(10), "histograms of 50": histograms(50), "exponential histograms": exponentials,
		"summaries": summaries, "a resource per point": resources,
	} {
		r := rand.New(rand.NewPCG(1, 2))
		md := build(r)
		wire, points := wireBytes(md), md.DataPointCount()
		estimate := float64(heapOf(md, wire, points))
		data, err := sizer.MarshalMetrics(md)
		require.NoError(t, err)
		const n = 20
		decoded := float64(heapOfSome(n, func() pmetric.Metrics {
			md, err := new(pmetric.ProtoUnmarshaler).UnmarshalMetrics(data)
			require.NoError(t, err)
			return md
		})) / n
		built := float64(heapOfSome(n, func() pmetric.Metrics { return build(r) })) / n
		t.Logf("%24s: %4d bytes a point as protobuf, decoded %.2f times that, built %.2f; estimate / decoded %.2f, / built %.2f",
			name, wire/int64(points), decoded/float64(wire), built/float64(wire), estimate/decoded, estimate/built)
		assert.InDelta(t, 1.2, estimate/decoded, 0.4, "%s, decoded", name)
		assert.InDelta(t, 1.2, estimate/built, 0.4, "%s, built", name)
	}
}
