package events

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/dispatch"
)

// batchOf makes gauges, each with so many points of eight attributes, as the scrape receiver makes them.
func batchOf(metrics, points int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "shop")
	rm.Resource().Attributes().PutStr("service.instance.id", "10.0.0.1:8080")
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName("bench")
	for i := range metrics {
		m := sm.Metrics().AppendEmpty()
		m.SetName(fmt.Sprintf("http_requests_in_flight_%d", i))
		m.SetUnit("{requests}")
		ps := m.SetEmptyGauge().DataPoints()
		for j := range points {
			p := ps.AppendEmpty()
			for k := range 8 {
				p.Attributes().PutStr(fmt.Sprintf("attribute_%d", k), fmt.Sprintf("value_%d", k*j))
			}
		}
	}
	return md
}

// move gives all points a later time and another value.
func move(md pmetric.Metrics, at int) {
	ms := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	for i := range ms.Len() {
		ps := ms.At(i).Gauge().DataPoints()
		for j := range ps.Len() {
			ps.At(j).SetTimestamp(pcommon.Timestamp(at))
			ps.At(j).SetDoubleValue(float64(at))
		}
	}
}

func newBenched(tb testing.TB, hooks int, set Settings) *Observer {
	tb.Helper()
	o := New(Options{Dispatch: dispatch.Options{MinWorkers: 1, MaxWorkers: 4}, MaxSeries: 1_000_000, Expiration: time.Hour})
	set.Lane.Size = 100_000
	set.Lane.Timeout = time.Second
	if set.Lane.Deliver == nil {
		set.Lane.Deliver = func(context.Context, []Event) error { return nil }
	}
	for range hooks {
		_, err := o.Add(set)
		require.NoError(tb, err)
	}
	tb.Cleanup(func() { o.Close(context.Background()) })
	return o
}

// named matches metrics by name.
type named string

func (n named) Metric(c *Candidate) Verdict {
	if c.Metric.Name() == string(n) {
		return Yes
	}
	return No
}

func (n named) Point(*Candidate) bool { return false }

// byPoint matches no series, but has to look at each.
type byPoint struct{}

func (byPoint) Metric(*Candidate) Verdict { return ByPoint }
func (byPoint) Point(*Candidate) bool     { return false }

// projecting is byPoint that reads an attribute.
type projecting struct{ byPoint }

func (projecting) Project(dst []byte, attrs pcommon.Map) []byte {
	v, _ := attrs.Get("attribute_3")
	return append(dst, v.Str()...)
}

var published = map[string]struct {
	metrics, points int
	set             Settings
}{
	"match=all/events=updated":                   {100, 10, Settings{On: KindsOf(Updated)}},
	"match=all/events=none":                      {100, 10, Settings{On: KindsOf(Created, Removed)}},
	"match=none":                                 {100, 10, Settings{On: KindsOf(Updated), Match: named("other")}},
	"match=none/one point each":                  {1000, 1, Settings{On: KindsOf(Updated), Match: named("other")}},
	"match=none/condition reads point attribute": {100, 10, Settings{On: KindsOf(Updated), Match: projecting{}}},
	"match=none/by function of series":           {100, 10, Settings{On: KindsOf(Updated), Match: byPoint{}}},
}

// BenchmarkPublish is the time per point that Publish takes: on average, and of the round that was disturbed least.
func BenchmarkPublish(b *testing.B) {
	for name, c := range published {
		b.Run(name, func(b *testing.B) {
			o := newBenched(b, 1, c.set)
			md := batchOf(c.metrics, c.points)
			move(md, 1)
			o.Publish(context.Background(), md)
			b.ReportAllocs()
			points, took, least := 0, time.Duration(0), time.Hour
			for at := 2; b.Loop(); at++ {
				move(md, at)
				began := time.Now()
				o.Publish(context.Background(), md)
				round := time.Since(began)
				took += round
				least = min(least, round)
				points += c.metrics * c.points
			}
			b.ReportMetric(float64(took.Nanoseconds())/float64(points), "ns/point")
			b.ReportMetric(float64(least.Nanoseconds())/float64(c.metrics*c.points), "least-ns/point")
		})
	}
}

// BenchmarkSustained is the time per point, each an event for each of four hooks, from Publish to the end of its last
// delivery. Nothing is dropped. The batches are made before.
func BenchmarkSustained(b *testing.B) {
	o := newBenched(b, 4, Settings{On: KindsOf(Updated), Lane: dispatch.Settings[Event]{OnOverflow: dispatch.Block, BlockTimeout: time.Minute}})
	const rounds, points = 100, 1000
	batches := make([]pmetric.Metrics, rounds)
	for i := range batches {
		batches[i] = batchOf(100, 10)
	}
	b.ReportAllocs()
	took, published := time.Duration(0), 0
	for at := 1; b.Loop(); at++ {
		if at%rounds == 1 {
			b.StopTimer()
			for i := range batches {
				move(batches[i], at+i)
			}
			b.StartTimer()
		}
		began := time.Now()
		o.Publish(context.Background(), batches[(at-1)%rounds])
		took += time.Since(began)
		published += points
	}
	began := time.Now()
	o.Close(context.Background())
	took += time.Since(began)
	for _, h := range o.Hooks() {
		require.Equal(b, h.Lane().Published(), h.Lane().Delivered())
	}
	b.ReportMetric(float64(published)/took.Seconds(), "events/s")
}
