package inprocess

import (
	"fmt"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	pointsPerBatch  = 1000
	pointsPerMetric = 25
	startNanos      = 1_700_000_000_000_000_000
)

// shape is what kinds of points a batch holds.
type shape int

const (
	// numbers are gauges and counters, each one series on a page.
	numbers shape = iota
	// histograms have 11 bounds each.
	histograms
	// mixed are numbers and, in every eighth metric, histograms.
	mixed
)

// seriesPerPoint is the number of series on a page for each point: a histogram has 12 buckets, a sum and a count.
func (s shape) seriesPerPoint() int {
	if s == histograms {
		return 14
	}
	return 1
}

// seriesOnPage is the number of series on the page of a pull exporter that got points of one shape; one is target_info.
func seriesOnPage(points int, s shape) int {
	return points*s.seriesPerPoint() + 1
}

// batches are the batches of pointsPerBatch points, 7 attributes each, that together hold the given number of points.
// Each point belongs to another OTLP series; all batches have the same resource, scope and metrics.
func batches(points int, s shape) []pmetric.Metrics {
	out := make([]pmetric.Metrics, 0, points/pointsPerBatch)
	for first := 0; first < points; first += pointsPerBatch {
		md := batch(first, s)
		advance(md, 0)
		out = append(out, md)
	}
	return out
}

func batch(first int, s shape) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "checkout")
	rm.Resource().Attributes().PutStr("service.instance.id", "checkout-1")
	rm.Resource().Attributes().PutStr("k8s.namespace.name", "shop")
	sm := rm.ScopeMetrics().AppendEmpty()
	// Without a schema contrib shows an empty label, which we leave out.
	sm.SetSchemaUrl("https://opentelemetry.io/schemas/1.37.0")
	sm.Scope().SetName("shop/instrumentation")
	sm.Scope().SetVersion("1.2.3")
	for i := range pointsPerBatch / pointsPerMetric {
		appendMetric(sm.Metrics().AppendEmpty(), i, first+i*pointsPerMetric, s)
	}
	return md
}

func appendMetric(m pmetric.Metric, index, first int, s shape) {
	m.SetDescription("Made up for benchmarks.")
	switch {
	case s == histograms || s == mixed && index%8 == 7:
		m.SetName(fmt.Sprintf("http.server.%03d.duration", index))
		m.SetUnit("s")
		fill(m.SetEmptyHistogram().DataPoints(), first, setBuckets)
		m.Histogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	case index%3 == 0:
		m.SetName(fmt.Sprintf("node.memory.%03d.usage", index))
		m.SetUnit("By")
		fill(m.SetEmptyGauge().DataPoints(), first, setStart)
	default:
		m.SetName(fmt.Sprintf([]string{1: "http.server.%03d.requests", 2: "debug.noise.%03d.events"}[index%3], index))
		fill(m.SetEmptySum().DataPoints(), first, setStart)
		m.Sum().SetIsMonotonic(true)
		m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	}
}

// point is what data points of all kinds have in common.
type point interface {
	Attributes() pcommon.Map
	SetStartTimestamp(pcommon.Timestamp)
	SetTimestamp(pcommon.Timestamp)
}

// pointSlice is a slice of such points.
type pointSlice[P point] interface {
	AppendEmpty() P
	EnsureCapacity(int)
}

func fill[P point](points pointSlice[P], first int, set func(P)) {
	points.EnsureCapacity(pointsPerMetric)
	for i := range pointsPerMetric {
		p := points.AppendEmpty()
		setAttributes(p.Attributes(), first+i)
		set(p)
	}
}

func setStart(p pmetric.NumberDataPoint) {
	p.SetStartTimestamp(startNanos)
}

func setBuckets(p pmetric.HistogramDataPoint) {
	p.SetStartTimestamp(startNanos)
	p.ExplicitBounds().FromRaw([]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10})
	p.BucketCounts().FromRaw([]uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	p.SetCount(78)
	p.SetSum(123.4)
}

var (
	methods = []string{"GET", "PUT", "POST", "DELETE"}
	envs    = []string{"prod", "prod", "prod", "staging", "dev"}
)

// setAttributes sets 7 attributes; request.id alone tells the series apart.
func setAttributes(attrs pcommon.Map, series int) {
	attrs.EnsureCapacity(7)
	attrs.PutStr("http.request.method", methods[series%len(methods)])
	attrs.PutStr("http.route", "/shops/"+strconv.Itoa(series%50)+"/orders/pay")
	attrs.PutInt("http.response.status_code", int64(200+series%3*100))
	attrs.PutStr("host.name", "node-"+strconv.Itoa(series%40)+".eu-west-1.example.org")
	attrs.PutStr("env", envs[series%len(envs)])
	attrs.PutStr("region", "eu-west-1")
	attrs.PutStr("request.id", fmt.Sprintf("%016x", scatter(series)))
}

// scatter gives each number another one that looks random, so that pages do not compress better than real ones.
func scatter(n int) uint64 {
	return uint64(n+1) * 0x9e3779b97f4a7c15
}

// eachPoint visits the points of md in order.
func eachPoint(md pmetric.Metrics, visit func(point)) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				eachPointOf(m, visit)
			}
		}
	}
}

func eachPointOf(m pmetric.Metric, visit func(point)) {
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
	default:
		panic("batches hold no " + m.Type().String())
	}
}

// advance moves md to a round: later times and other numbers, as the next export of the same series has them.
func advance(md pmetric.Metrics, round int) {
	i := 0
	eachPoint(md, func(p point) {
		p.SetTimestamp(pcommon.Timestamp(startNanos + int64(round+1)*1_000_000_000))
		switch p := p.(type) {
		case pmetric.NumberDataPoint:
			p.SetDoubleValue(float64(scatter(i)>>34)/1000 + float64(round))
		case pmetric.HistogramDataPoint:
			p.SetCount(uint64(78 + round))
			p.BucketCounts().SetAt(11, uint64(12+round))
		}
		i++
	})
}

// churn makes every tenth point of md one of a series never seen before. serial must not repeat for one receiver of md.
func churn(md pmetric.Metrics, serial int) {
	i := 0
	eachPoint(md, func(p point) {
		if i%10 == 0 {
			p.Attributes().PutStr("request.id", fmt.Sprintf("new-%012x", serial*pointsPerBatch+i))
		}
		i++
	})
}

func encode(mds []pmetric.Metrics) [][]byte {
	out := make([][]byte, 0, len(mds))
	for _, md := range mds {
		data, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
		if err != nil {
			panic(err)
		}
		out = append(out, data)
	}
	return out
}

func decode(data []byte) pmetric.Metrics {
	md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(data)
	if err != nil {
		panic(err)
	}
	return md
}

func clone(md pmetric.Metrics) pmetric.Metrics {
	out := pmetric.NewMetrics()
	md.CopyTo(out)
	return out
}
