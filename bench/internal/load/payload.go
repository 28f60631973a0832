package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

// Shape says what a request holds.
type Shape struct {
	Points           int // data points
	HistogramPercent int // share of them that are histograms of 11 bounds, 14 Prometheus series each
}

const (
	pointsPerMetric    = 25
	seriesPerHistogram = 14 // 12 buckets with +Inf, sum and count
	startTime          = pcommon.Timestamp(1_700_000_000_000_000_000)
)

// Marks stand for the bytes that change between rounds, until the places they take in the encoding are known.
var (
	timeMark  = uint64(0x7A11223344556677)
	valueMark = uint64(0x7A99887766554433)
)

// generationDigits follow the 'g' at the end of the attribute series_id; churn writes a new number there.
const generationDigits = 6

// Payload is one OTLP export request, encoded once. Between rounds only its timestamps, values and generations are
// patched where they stand, so that the generator costs next to nothing. One goroutine may use it at a time.
type Payload struct {
	body        []byte
	times       []int
	values      []int
	generations []int
	index       int
	points      int
	series      int
	round       int
}

// NewPayload encodes request number index of a fleet: one resource of its own, seven attributes a point.
func NewPayload(index int, shape Shape) (*Payload, error) {
	b := builder{index: index, shape: shape}
	body, err := pmetricotlp.NewExportRequestFromMetrics(b.build()).MarshalProto()
	if err != nil {
		return nil, err
	}
	p := &Payload{body: body, index: index, points: shape.Points, series: b.series}
	p.times = find(body, timeMark)
	p.values = find(body, valueMark)
	if p.generations, err = findGenerations(body, index, shape.Points); err != nil {
		return nil, err
	}
	if len(p.times) != shape.Points {
		return nil, errors.New("the time mark is not once in each point")
	}
	p.rewind()
	return p, nil
}

// rewind makes the payload what it was before its first round.
func (p *Payload) rewind() {
	p.round = 0
	p.patch(time.Unix(0, int64(startTime)))
	for i := range p.generations {
		p.setGeneration(i, 0)
	}
}

// advance makes the payload the next round's: new timestamps and values, and churnPercent of its points renamed,
// others each round.
func (p *Payload) advance(now time.Time, churnPercent int) {
	p.round++
	p.patch(now)
	for i := range p.generations {
		if (i+p.round*churnPercent)%100 < churnPercent {
			p.setGeneration(i, p.round)
		}
	}
}

func (p *Payload) patch(now time.Time) {
	for _, at := range p.times {
		binary.LittleEndian.PutUint64(p.body[at:], uint64(now.UnixNano()))
	}
	for i, at := range p.values {
		binary.LittleEndian.PutUint64(p.body[at:], math.Float64bits(p.value(i)))
	}
}

// value has the digits of a real one, or the pages would compress as none does, and grows with the rounds.
func (p *Payload) value(i int) float64 {
	return float64(noise(p.index, i)%1e8)/16 + 1.5*float64(p.round)
}

func (p *Payload) setGeneration(i, n int) {
	at := p.generations[i]
	for k := generationDigits - 1; k >= 0; k-- {
		p.body[at+k] = byte('0' + n%10)
		n /= 10
	}
}

func find(body []byte, mark uint64) []int {
	var m [8]byte
	binary.LittleEndian.PutUint64(m[:], mark)
	var out []int
	for from := 0; ; {
		at := bytes.Index(body[from:], m[:])
		if at < 0 {
			return out
		}
		out = append(out, from+at)
		from += at + len(m)
	}
}

// findGenerations finds where each point's generation stands, by the identities, which are in order.
func findGenerations(body []byte, index, points int) ([]int, error) {
	out := make([]int, points)
	from := 0
	for i := range out {
		id := []byte(identity(index, i))
		at := bytes.Index(body[from:], id)
		if at < 0 {
			return nil, fmt.Errorf("point %d is not where its order says", i)
		}
		from += at + len(id)
		out[i] = from - generationDigits
	}
	return out, nil
}

func identity(index, point int) string {
	return fmt.Sprintf("s%05d-%06dg%0*d", index, point, generationDigits, 0)
}

// builder makes the metrics of one payload and counts the Prometheus series they become.
type builder struct {
	index  int
	shape  Shape
	series int
}

func (b *builder) build() pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	b.describe(rm.Resource().Attributes())
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName("load")
	histograms := b.shape.Points * b.shape.HistogramPercent / 100
	for first, metric := 0, 0; first < b.shape.Points; metric++ {
		limit := b.shape.Points
		if first < histograms {
			limit = histograms
		}
		end := min(first+pointsPerMetric, limit)
		b.fill(sm.Metrics().AppendEmpty(), metric, first, end, first < histograms)
		first = end
	}
	return md
}

func (b *builder) describe(resource pcommon.Map) {
	resource.PutStr("service.name", fmt.Sprintf("service-%02d", b.index%50))
	resource.PutStr("service.instance.id", fmt.Sprintf("instance-%05d", b.index))
	resource.PutStr("host.name", fmt.Sprintf("node-%d-%d.example.internal", b.index/250, b.index%250))
	resource.PutStr("k8s.namespace.name", pick(b.index, "payments", "checkout", "search", "monitoring"))
}

func (b *builder) fill(m pmetric.Metric, number, first, end int, histogram bool) {
	m.SetDescription("A metric of the load generator")
	switch {
	case histogram:
		b.histogram(m, number, first, end)
		b.series += (end - first) * seriesPerHistogram
		return
	case number%3 == 0:
		m.SetName(fmt.Sprintf("node.memory.%03d.usage", number))
		m.SetUnit("By")
		b.numbers(m.SetEmptyGauge().DataPoints(), first, end)
	default:
		m.SetName(pick(number, "", "http.server.", "debug.noise.") + fmt.Sprintf("%03d.requests", number))
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		b.numbers(sum.DataPoints(), first, end)
	}
	b.series += end - first
}

func (b *builder) numbers(points pmetric.NumberDataPointSlice, first, end int) {
	points.EnsureCapacity(end - first)
	for i := first; i < end; i++ {
		p := points.AppendEmpty()
		p.SetStartTimestamp(startTime)
		p.SetTimestamp(pcommon.Timestamp(timeMark))
		p.SetDoubleValue(math.Float64frombits(valueMark))
		b.attributes(p.Attributes(), i)
	}
}

func (b *builder) histogram(m pmetric.Metric, number, first, end int) {
	m.SetName(fmt.Sprintf("http.server.%03d.duration", number))
	m.SetUnit("s")
	h := m.SetEmptyHistogram()
	h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	for i := first; i < end; i++ {
		p := h.DataPoints().AppendEmpty()
		p.SetStartTimestamp(startTime)
		p.SetTimestamp(pcommon.Timestamp(timeMark))
		p.ExplicitBounds().FromRaw([]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10})
		p.BucketCounts().FromRaw([]uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
		p.SetCount(78)
		p.SetSum(123.4)
		b.attributes(p.Attributes(), i)
	}
}

// attributes are seven, of the lengths that instrumented services have, all low in cardinality but for three.
func (b *builder) attributes(m pcommon.Map, i int) {
	m.EnsureCapacity(7)
	m.PutStr("series_id", identity(b.index, i))
	m.PutStr("http.method", pick(i, "GET", "POST", "PUT", "DELETE"))
	m.PutStr("http.route", "/api/v1/orders/"+strconv.Itoa(i%97)+"/items")
	m.PutInt("http.status_code", pick[int64](i/4, 200, 201, 404, 500))
	m.PutStr("env", pick(i, "prod", "staging", "dev", "prod", "prod"))
	m.PutStr("pod", fmt.Sprintf("orders-7d9f8b6c5d-%05d", i))
	m.PutStr("internal.debug_id", fmt.Sprintf("%016x%016x", noise(b.index, i), noise(i, b.index)))
}

// noise looks random and is the same in every run (splitmix64).
func noise(a, b int) uint64 {
	z := uint64(a)<<32 + uint64(b)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func pick[T any](i int, of ...T) T { return of[i%len(of)] }
