package exposition

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"
)

// fleet draws valid batches of some targets, round after round, and knows the cumulative state they lead to.
type fleet struct {
	t         *rapid.T
	resources []pcommon.Map
	scopes    []pmetric.ScopeMetrics
	streams   []*stream
	now       pcommon.Timestamp
}

// stream is one series of a target. Its id is an attribute, so that no two become the same series.
type stream struct {
	resource, scope  int
	name, unit, help string
	typ              pmetric.MetricType
	monotonic, delta bool
	attrs            pcommon.Map
	bounds           []float64
	ranks            []float64
	scale            int32
	offsets          [2]int32
	// total is nil when there is no series.
	total *reading
	// start is that of the series, last the time of its last point.
	start, last pcommon.Timestamp
}

// reading is what one point tells.
type reading struct {
	value   float64
	integer bool
	zeros   uint64
	// counts are those of explicit buckets or of the positive and negative ones.
	counts    [2][]uint64
	quantiles []float64
}

func (r *reading) add(more *reading) {
	r.value, r.zeros = r.value+more.value, r.zeros+more.zeros
	r.integer = r.integer && more.integer
	for i := range r.counts {
		for j := range r.counts[i] {
			r.counts[i][j] += more.counts[i][j]
		}
	}
}

func (r *reading) count() uint64 {
	n := r.zeros
	for _, counts := range r.counts {
		for _, c := range counts {
			n += c
		}
	}
	return n
}

// windows is how many buckets a side of an exponential histogram has.
const windows = 8

func newFleet(t *rapid.T) *fleet {
	f := &fleet{t: t, now: second}
	for i := range f.int(1, 3, "resources") {
		f.resources = append(f.resources, f.resource(i))
		for range f.int(1, 2, "scopes") {
			f.scopes = append(f.scopes, f.scope())
		}
	}
	for i := range f.int(1, 10, "streams") {
		f.streams = append(f.streams, f.stream(i))
	}
	return f
}

func (f *fleet) int(low, high int, what string) int { return rapid.IntRange(low, high).Draw(f.t, what) }

func (f *fleet) of(what string, from ...string) string {
	return rapid.SampledFrom(from).Draw(f.t, what)
}

func (f *fleet) yes(what string) bool { return rapid.Bool().Draw(f.t, what) }

func (f *fleet) resource(i int) pcommon.Map {
	attrs := pcommon.NewMap()
	attrs.PutStr(attrServiceInstanceID, strconv.Itoa(i))
	if f.yes("service") {
		attrs.PutStr(attrServiceName, f.text())
		if f.yes("namespace") {
			attrs.PutStr(attrServiceNamespace, f.text())
		}
	}
	for _, key := range []string{"host.name", "k8s.pod", "k8s_pod", "né"} {
		if f.yes(key) {
			attrs.PutStr(key, f.text())
		}
	}
	return attrs
}

func (f *fleet) scope() pmetric.ScopeMetrics {
	sm := pmetric.NewScopeMetrics()
	sm.Scope().SetName(f.text())
	sm.Scope().SetVersion(f.of("version", "", "1.0", "a\\b\n"))
	sm.SetSchemaUrl(f.of("schema", "", "https://x/1"))
	for _, key := range []string{"tier", "x.y", "name", "schema_url"} {
		if f.yes(key) {
			sm.Scope().Attributes().PutStr(key, f.text())
		}
	}
	return sm
}

// text draws what is not empty and has no NUL.
func (f *fleet) text() string {
	s := rapid.OneOf(rapid.SampledFrom([]string{"a", `"`, `\`, "\n", "a\\\"b\nc", "é", "{}", ",", "=", "#", "1"}), rapid.StringN(1, 8, -1)).Draw(f.t, "text")
	return strings.ReplaceAll(s, "\x00", "0")
}

// fleetNames belong to one type each, for types that meet refuse each other.
var fleetNames = map[pmetric.MetricType][]string{
	pmetric.MetricTypeGauge:                {"g", "g.a", "g_a", "g a", "g.né", "1g", "g.ratio", "g\n\"\\"},
	pmetric.MetricTypeSum:                  {"c", "c.a", "c_a", "c.total", "c_total", "c.bytes"},
	pmetric.MetricTypeHistogram:            {"h", "h.a", "h_a", "h.né"},
	pmetric.MetricTypeExponentialHistogram: {"e", "e.a", "e_a"},
	pmetric.MetricTypeSummary:              {"s", "s.a", "s_a", "s-a"},
}

func (f *fleet) stream(id int) *stream {
	scope := f.int(0, len(f.scopes)-1, "scope")
	st := &stream{
		resource: scope % len(f.resources), scope: scope,
		typ:     pmetric.MetricType(f.int(1, 5, "type")),
		unit:    f.of("unit", "", "1", "By", "s", "By/s", "{x}", "kBy"),
		help:    f.of("help", "", "Help.", "a\\b\nc\""),
		attrs:   pcommon.NewMap(),
		scale:   int32(f.int(minSchema, maxSchema, "scale")),
		offsets: [2]int32{int32(f.int(-20, 20, "offset")), int32(f.int(-20, 20, "offset"))},
		bounds:  []float64{-1, 0, 0.005, 1, 2.5, 1e9}[f.int(0, 5, "bounds"):],
		ranks:   []float64{0, 0.5, 0.99, 1}[f.int(0, 4, "ranks"):],
	}
	st.name = f.of("name", fleetNames[st.typ]...)
	st.monotonic = st.typ == pmetric.MetricTypeSum && f.yes("monotonic")
	if st.typ == pmetric.MetricTypeSum && !st.monotonic {
		st.name = "u" + st.name[1:]
	}
	distribution := st.typ == pmetric.MetricTypeHistogram || st.typ == pmetric.MetricTypeExponentialHistogram
	st.delta = (distribution || st.monotonic) && f.yes("delta")
	f.attributes(st)
	st.attrs.PutInt("id", int64(id))
	return st
}

func (f *fleet) attributes(st *stream) {
	keys := []string{"a.b", "a_b", "a-b", "code", "1a", "né", "a b", "a\nb", `q"x`, `b\c`, "__x__", "_y", "le", "quantile"}
	for range f.int(0, 5, "attributes") {
		key := f.of("key", keys...)
		reserved := key == "le" && st.typ == pmetric.MetricTypeHistogram || key == "quantile" && st.typ == pmetric.MetricTypeSummary ||
			key == "le" && st.typ == pmetric.MetricTypeExponentialHistogram
		if !reserved {
			f.value(st.attrs.PutEmpty(key))
		}
	}
	if f.yes("empty value") {
		st.attrs.PutStr("empty", "")
	}
	if _, named := f.resources[st.resource].Get(attrServiceName); !named && f.yes("job") {
		st.attrs.PutStr("job", f.text())
	}
}

func (f *fleet) value(v pcommon.Value) {
	switch f.int(0, 6, "value type") {
	case 0:
		v.SetInt(rapid.Int64().Draw(f.t, "int"))
	case 1:
		v.SetDouble(rapid.Float64Range(-1e9, 1e9).Draw(f.t, "double"))
	case 2:
		v.SetBool(f.yes("bool"))
	case 3:
		v.SetEmptySlice().AppendEmpty().SetStr(f.text())
	default:
		v.SetStr(f.text())
	}
}

// round returns the next batch: of each stream a point, a staleness marker or nothing.
func (f *fleet) round() pmetric.Metrics {
	f.now += pcommon.Timestamp(f.int(1, 5000, "pass")) * 1e7
	md := pmetric.NewMetrics()
	perm := rapid.Permutation(f.streams).Draw(f.t, "order")
	for _, st := range perm {
		switch f.int(0, 9, "action") {
		case 0:
		case 1:
			st.write(f.place(md, st), st.nothing(), st.last, f.now)
			eachPointOf(f.last(md), func(p stalePoint) { p.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true)) })
			st.total = nil
		default:
			f.send(md, st)
		}
	}
	return md
}

func (f *fleet) last(md pmetric.Metrics) pmetric.Metric {
	rm := md.ResourceMetrics().At(md.ResourceMetrics().Len() - 1)
	return rm.ScopeMetrics().At(0).Metrics().At(0)
}

func (f *fleet) send(md pmetric.Metrics, st *stream) {
	point := f.reading(st)
	begin := st.last
	if st.total == nil || !st.delta {
		st.start, begin = second, second
	}
	st.write(f.place(md, st), point, begin, f.now)
	if st.delta && st.total != nil {
		st.total.add(point)
	} else {
		st.total = point
	}
	st.last = f.now
}

// state is the batch of all series in cumulative form.
func (f *fleet) state() pmetric.Metrics {
	md := pmetric.NewMetrics()
	for _, st := range f.streams {
		if st.total != nil {
			all := *st
			all.delta = false
			all.write(f.place(md, st), st.total, st.start, st.last)
		}
	}
	return md
}

// place adds an empty metric, of a resource and a scope of its own.
func (f *fleet) place(md pmetric.Metrics, st *stream) pmetric.Metric {
	rm := md.ResourceMetrics().AppendEmpty()
	f.resources[st.resource].CopyTo(rm.Resource().Attributes())
	sm := rm.ScopeMetrics().AppendEmpty()
	f.scopes[st.scope].CopyTo(sm)
	return sm.Metrics().AppendEmpty()
}

func (f *fleet) reading(st *stream) *reading {
	r := st.nothing()
	r.value, r.integer = f.number(st), f.yes("integer")
	if r.integer && (math.IsNaN(r.value) || math.Abs(r.value) > 1<<60) {
		r.integer = false
	}
	if r.integer {
		r.value = math.Trunc(r.value)
	}
	for i := range r.counts {
		for j := range r.counts[i] {
			r.counts[i][j] = uint64(max(0, f.int(-5, 9, "count")))
		}
	}
	if st.typ == pmetric.MetricTypeExponentialHistogram {
		r.zeros = uint64(f.int(0, 3, "zeros"))
	}
	for i := range r.quantiles {
		r.quantiles[i] = rapid.SampledFrom([]float64{0, -1.5, math.NaN(), 7}).Draw(f.t, "quantile")
	}
	return r
}

// number draws what the type of the stream can have.
func (f *fleet) number(st *stream) float64 {
	switch {
	case st.monotonic || st.delta:
		return rapid.OneOf(rapid.Float64Range(0, 1e12), rapid.SampledFrom([]float64{0, 1, 1 << 53, 5e-324})).Draw(f.t, "number")
	case st.typ == pmetric.MetricTypeExponentialHistogram:
		return rapid.Float64Range(-1e9, 1e9).Draw(f.t, "number")
	default:
		odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0, 1 << 53, -1e22, 5e-324}
		return rapid.OneOf(rapid.Float64(), rapid.SampledFrom(odd)).Draw(f.t, "number")
	}
}

// nothing is a reading of no observations.
func (st *stream) nothing() *reading {
	r := &reading{quantiles: make([]float64, len(st.ranks))}
	switch st.typ {
	case pmetric.MetricTypeHistogram:
		r.counts[0] = make([]uint64, len(st.bounds)+1)
	case pmetric.MetricTypeExponentialHistogram:
		r.counts = [2][]uint64{make([]uint64, windows), make([]uint64, windows)}
	default:
	}
	return r
}

func (st *stream) temporality() pmetric.AggregationTemporality {
	if st.delta {
		return delta
	}
	return cumulative
}

func (st *stream) write(m pmetric.Metric, r *reading, start, end pcommon.Timestamp) {
	m.SetName(st.name)
	m.SetUnit(st.unit)
	m.SetDescription(st.help)
	switch st.typ {
	case pmetric.MetricTypeGauge:
		st.writeNumber(m.SetEmptyGauge().DataPoints().AppendEmpty(), r, start, end)
	case pmetric.MetricTypeSum:
		m.SetEmptySum().SetAggregationTemporality(st.temporality())
		m.Sum().SetIsMonotonic(st.monotonic)
		st.writeNumber(m.Sum().DataPoints().AppendEmpty(), r, start, end)
	case pmetric.MetricTypeHistogram:
		m.SetEmptyHistogram().SetAggregationTemporality(st.temporality())
		st.writeHistogram(m.Histogram().DataPoints().AppendEmpty(), r, start, end)
	case pmetric.MetricTypeExponentialHistogram:
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(st.temporality())
		st.writeExponential(m.ExponentialHistogram().DataPoints().AppendEmpty(), r, start, end)
	case pmetric.MetricTypeSummary:
		st.writeSummary(m.SetEmptySummary().DataPoints().AppendEmpty(), r, start, end)
	case pmetric.MetricTypeEmpty:
	}
}

func (st *stream) writeNumber(p pmetric.NumberDataPoint, r *reading, start, end pcommon.Timestamp) {
	st.attrs.CopyTo(p.Attributes())
	p.SetStartTimestamp(start)
	p.SetTimestamp(end)
	if r.integer {
		p.SetIntValue(int64(r.value))
	} else {
		p.SetDoubleValue(r.value)
	}
}

func (st *stream) writeHistogram(p pmetric.HistogramDataPoint, r *reading, start, end pcommon.Timestamp) {
	st.attrs.CopyTo(p.Attributes())
	p.SetStartTimestamp(start)
	p.SetTimestamp(end)
	p.SetSum(r.value)
	p.SetCount(r.count())
	p.ExplicitBounds().FromRaw(st.bounds)
	p.BucketCounts().FromRaw(r.counts[0])
}

func (st *stream) writeExponential(p pmetric.ExponentialHistogramDataPoint, r *reading, start, end pcommon.Timestamp) {
	st.attrs.CopyTo(p.Attributes())
	p.SetStartTimestamp(start)
	p.SetTimestamp(end)
	p.SetScale(st.scale)
	p.SetSum(r.value)
	p.SetCount(r.count())
	p.SetZeroCount(r.zeros)
	for i, side := range []pmetric.ExponentialHistogramDataPointBuckets{p.Positive(), p.Negative()} {
		// What is empty in front is left out, so that deltas begin in different places.
		first := max(0, slices.IndexFunc(r.counts[i], func(n uint64) bool { return n > 0 }))
		side.SetOffset(st.offsets[i] + int32(first))
		side.BucketCounts().FromRaw(r.counts[i][first:])
	}
}

func (st *stream) writeSummary(p pmetric.SummaryDataPoint, r *reading, start, end pcommon.Timestamp) {
	st.attrs.CopyTo(p.Attributes())
	p.SetStartTimestamp(start)
	p.SetTimestamp(end)
	p.SetCount(3)
	p.SetSum(r.value)
	for i, rank := range st.ranks {
		q := p.QuantileValues().AppendEmpty()
		q.SetQuantile(rank)
		q.SetValue(r.quantiles[i])
	}
}
