package otlp

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/featuregate"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/xpdata/pref"
	"pgregory.net/rapid"
)

func TestSplitKeepsEverythingInOrder(t *testing.T) {
	rapid.Check(t, checkSplit)
}

func TestSplitKeepsEverythingInOrderWhilePdataPools(t *testing.T) {
	withPooling(t)
	rapid.Check(t, checkSplit)
}

func checkSplit(t *rapid.T) {
	md := (&drawing{T: t}).batch()
	limit := rapid.IntRange(-1, 12).Draw(t, "limit")
	before, total, elements := lines(t, md), md.DataPointCount(), elementCount(md)

	parts := Split(md, limit)

	var after []string
	for _, p := range parts {
		after = append(after, lines(t, p)...)
	}
	require.Equal(t, before, after)
	requireSizes(t, parts, total, limit)
	if len(parts) > 1 {
		require.Zero(t, md.ResourceMetrics().Len())
	}
	// A cut makes at most one resource, one scope and one metric two.
	now := 0
	for _, p := range parts {
		now += elementCount(p)
	}
	require.LessOrEqual(t, now, elements+3*(len(parts)-1))
}

func requireSizes(t *rapid.T, parts []pmetric.Metrics, total, limit int) {
	if limit <= 0 || total <= limit {
		require.Len(t, parts, 1)
		return
	}
	require.Len(t, parts, (total+limit-1)/limit)
	last := len(parts) - 1
	for _, p := range parts[:last] {
		require.Equal(t, limit, p.DataPointCount())
	}
	require.Equal(t, total-last*limit, parts[last].DataPointCount())
}

func TestSplitReturnsWhatIsSmallItself(t *testing.T) {
	for _, limit := range []int{-1, 0, 3, 4} {
		md := gauges(1, 3)
		md.MarkReadOnly()
		parts := Split(md, limit)
		require.Len(t, parts, 1)
		assert.Equal(t, md, parts[0])
	}
}

func TestSplitOpensNoPartForWhatHasNoPoints(t *testing.T) {
	md := gauges(2, 1)
	md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().AppendEmpty().SetName("empty metric")
	md.ResourceMetrics().At(0).ScopeMetrics().AppendEmpty().SetSchemaUrl("empty scope")
	md.ResourceMetrics().AppendEmpty().SetSchemaUrl("empty resource")
	parts := Split(md, 1)
	require.Len(t, parts, 2)
	assert.Equal(t, 1, parts[0].ResourceMetrics().Len())
	assert.Equal(t, 2, parts[1].ResourceMetrics().Len())
	assert.Equal(t, 2, parts[1].ResourceMetrics().At(0).ScopeMetrics().Len())
	assert.Equal(t, 2, parts[1].MetricCount())
}

func TestSplitRefusesWhatIsReadOnly(t *testing.T) {
	md := gauges(1, 3)
	md.MarkReadOnly()
	assert.Panics(t, func() { Split(md, 2) })
}

func TestSplitLeavesSharedAttributesAlone(t *testing.T) {
	t.Run("not pooled", checkShared)
	t.Run("pooled", func(t *testing.T) {
		withPooling(t)
		checkShared(t)
	})
}

func checkShared(t *testing.T) {
	t.Helper()
	a := NewAttributes(someAttributes)
	want := map[string]any{"host": "a", "zone": "b"}
	md := sharing(a, 2, 5)
	for i, p := range Split(md, 3) {
		for _, m := range p.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
			assert.Equal(t, want, m.Metadata().AsRaw())
			for _, dp := range m.Gauge().DataPoints().All() {
				assert.Equal(t, want, dp.Attributes().AsRaw())
			}
		}
		drop(p, i%2 == 0)
		got := pcommon.NewMap()
		a.Into(got)
		assert.Equal(t, want, got.AsRaw())
		assert.True(t, a.Equal(someAttributes))
	}
}

// drop ends the life of a batch: at the end of a pipeline, or because a processor removes all of it.
func drop(md pmetric.Metrics, atTheEnd bool) {
	if atTheEnd {
		pref.UnrefMetrics(md)
		return
	}
	md.ResourceMetrics().RemoveIf(func(pmetric.ResourceMetrics) bool { return true })
}

func TestSplitCopiesIdentityAndMovesPoints(t *testing.T) {
	a := NewAttributes(someAttributes)
	md := sharing(a, 1, 4)
	parts := Split(md, 2)
	require.Len(t, parts, 2)
	first := parts[0].ResourceMetrics().At(0)
	first.Resource().Attributes().PutStr("host", "changed")
	first.ScopeMetrics().At(0).Scope().Attributes().PutStr("host", "changed")
	first.ScopeMetrics().At(0).Metrics().At(0).Metadata().PutStr("host", "changed")
	second := parts[1].ResourceMetrics().At(0)
	for _, m := range []pcommon.Map{
		second.Resource().Attributes(),
		second.ScopeMetrics().At(0).Scope().Attributes(),
		second.ScopeMetrics().At(0).Metrics().At(0).Metadata(),
	} {
		assert.Equal(t, map[string]any{"host": "a", "zone": "b"}, m.AsRaw())
	}
	assert.True(t, a.Equal(someAttributes))
}

func TestSplitAllocatesNothingForAttributesOfPoints(t *testing.T) {
	few, many := NewAttributes(someAttributes[:1]), NewAttributes(pairs(50))
	assert.InDelta(t, splitAllocs(few, 7), splitAllocs(many, 7), 0.5)
}

func TestSplitAllocatesNothingForPointsOfWholeMetrics(t *testing.T) {
	a := NewAttributes(nil)
	one := splitAllocsOf(10, 10, func() pmetric.Metrics { return sharing(a, 20, 1) })
	many := splitAllocsOf(10, 1000, func() pmetric.Metrics { return sharing(a, 20, 100) })
	assert.InDelta(t, one, many, 0.5)
}

func splitAllocs(a *Attributes, limit int) float64 {
	return splitAllocsOf(10, limit, func() pmetric.Metrics {
		md := pmetric.NewMetrics()
		ps := points(md)
		for range 100 {
			a.Into(ps.AppendEmpty().Attributes())
		}
		return md
	})
}

func splitAllocsOf(runs, limit int, batch func() pmetric.Metrics) float64 {
	mds := make([]pmetric.Metrics, runs+1)
	for i := range mds {
		mds[i] = batch()
	}
	return testing.AllocsPerRun(runs, func() {
		Split(mds[0], limit)
		mds = mds[1:]
	})
}

func BenchmarkSplit(b *testing.B) {
	shapes := []struct {
		name                   string
		metrics, points, limit int
	}{
		{"whole metrics", 1000, 10, 1000},
		{"cut metrics", 100, 100, 130},
		{"one metric", 1, 10000, 1000},
		{"parts of one point", 1000, 10, 1},
	}
	ways := []struct {
		name  string
		split func(pmetric.Metrics, int) []pmetric.Metrics
	}{{"moved", Split}, {"copied", splitByCopying}}
	a := NewAttributes(pairs(8))
	for _, s := range shapes {
		for _, w := range ways {
			b.Run(s.name+"/"+w.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					md := sharing(a, s.metrics, s.points)
					b.StartTimer()
					w.split(md, s.limit)
				}
			})
		}
	}
}

// splitByCopying is the plain way, for gauges of one scope.
func splitByCopying(md pmetric.Metrics, limit int) []pmetric.Metrics {
	var parts []pmetric.Metrics
	var ms pmetric.MetricSlice
	room := 0
	for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		var ps pmetric.NumberDataPointSlice
		for i, p := range m.Gauge().DataPoints().All() {
			opened := room == 0
			if opened {
				var part pmetric.Metrics
				part, ms = likeFirst(md)
				parts, room = append(parts, part), limit
			}
			if i == 0 || opened {
				to := ms.AppendEmpty()
				to.SetName(m.Name())
				m.Metadata().CopyTo(to.Metadata())
				ps = to.SetEmptyGauge().DataPoints()
			}
			p.CopyTo(ps.AppendEmpty())
			room--
		}
	}
	return parts
}

func likeFirst(md pmetric.Metrics) (pmetric.Metrics, pmetric.MetricSlice) {
	from := md.ResourceMetrics().At(0)
	part := pmetric.NewMetrics()
	rm := part.ResourceMetrics().AppendEmpty()
	from.Resource().CopyTo(rm.Resource())
	sm := rm.ScopeMetrics().AppendEmpty()
	from.ScopeMetrics().At(0).Scope().CopyTo(sm.Scope())
	return part, sm.Metrics()
}

func withPooling(t *testing.T) {
	t.Helper()
	require.NoError(t, featuregate.GlobalRegistry().Set(pref.UseProtoPooling.ID(), true))
	t.Cleanup(func() { require.NoError(t, featuregate.GlobalRegistry().Set(pref.UseProtoPooling.ID(), false)) })
}

func pairs(n int) []Pair {
	ps := make([]Pair, n)
	for i := range ps {
		ps[i] = Pair{fmt.Sprintf("key_%d", i), "value"}
	}
	return ps
}

// gauges makes n gauges of some points each, in one scope.
func gauges(n, points int) pmetric.Metrics {
	return sharing(NewAttributes(nil), n, points)
}

// sharing makes n gauges of some points each, in one scope, where everything that has attributes has those.
func sharing(a *Attributes, n, points int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	a.Into(rm.Resource().Attributes())
	sm := rm.ScopeMetrics().AppendEmpty()
	a.Into(sm.Scope().Attributes())
	for i := range n {
		m := sm.Metrics().AppendEmpty()
		m.SetName(fmt.Sprintf("metric_%d", i))
		a.Into(m.Metadata())
		ps := m.SetEmptyGauge().DataPoints()
		for range points {
			a.Into(ps.AppendEmpty().Attributes())
		}
	}
	return md
}

func elementCount(md pmetric.Metrics) int {
	n := md.ResourceMetrics().Len() + md.MetricCount()
	for _, rm := range md.ResourceMetrics().All() {
		n += rm.ScopeMetrics().Len()
	}
	return n
}

// lines returns a batch as JSON, one line per point, or per resource, scope or metric that has none, each with all that
// it belongs to.
func lines(t require.TestingT, md pmetric.Metrics) []string {
	var ls []string
	for r, rm := range md.ResourceMetrics().All() {
		if rm.ScopeMetrics().Len() == 0 {
			ls = append(ls, line(t, md, r, 0, 0, 0))
		}
		for s, sm := range rm.ScopeMetrics().All() {
			if sm.Metrics().Len() == 0 {
				ls = append(ls, line(t, md, r, s, 0, 0))
			}
			for m, e := range sm.Metrics().All() {
				for p := range max(PointCount(e), 1) {
					ls = append(ls, line(t, md, r, s, m, p))
				}
			}
		}
	}
	return ls
}

func line(t require.TestingT, md pmetric.Metrics, r, s, m, p int) string {
	one := pmetric.NewMetrics()
	md.ResourceMetrics().At(r).CopyTo(one.ResourceMetrics().AppendEmpty())
	sms := one.ResourceMetrics().At(0).ScopeMetrics()
	keep(sms, s)
	for _, sm := range sms.All() {
		keep(sm.Metrics(), m)
		for _, e := range sm.Metrics().All() {
			keepPoint(e, p)
		}
	}
	b, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(one)
	require.NoError(t, err)
	return string(b)
}

func keepPoint(m pmetric.Metric, i int) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		keep(m.Gauge().DataPoints(), i)
	case pmetric.MetricTypeSum:
		keep(m.Sum().DataPoints(), i)
	case pmetric.MetricTypeHistogram:
		keep(m.Histogram().DataPoints(), i)
	case pmetric.MetricTypeExponentialHistogram:
		keep(m.ExponentialHistogram().DataPoints(), i)
	case pmetric.MetricTypeSummary:
		keep(m.Summary().DataPoints(), i)
	case pmetric.MetricTypeEmpty:
	}
}

func keep[S slice[E], E any](s S, i int) {
	at := -1
	s.RemoveIf(func(E) bool {
		at++
		return at != i
	})
}

// drawing makes batches in which nothing equals anything else.
type drawing struct {
	*rapid.T
	last int
}

func (d *drawing) number() int {
	d.last++
	return d.last
}

func (d *drawing) text(what string) string { return fmt.Sprintf("%s %d", what, d.number()) }

func (d *drawing) upTo(n int, what string) int { return rapid.IntRange(0, n).Draw(d.T, what) }

func (d *drawing) batch() pmetric.Metrics {
	md := pmetric.NewMetrics()
	for range d.upTo(4, "resources") {
		d.resource(md.ResourceMetrics().AppendEmpty())
	}
	return md
}

func (d *drawing) resource(rm pmetric.ResourceMetrics) {
	rm.SetSchemaUrl(d.text("schema"))
	rm.Resource().Attributes().PutStr("resource", d.text("attribute"))
	rm.Resource().SetDroppedAttributesCount(uint32(d.number()))
	for range d.upTo(3, "scopes") {
		d.scope(rm.ScopeMetrics().AppendEmpty())
	}
}

func (d *drawing) scope(sm pmetric.ScopeMetrics) {
	sm.SetSchemaUrl(d.text("schema"))
	sm.Scope().SetName(d.text("scope"))
	sm.Scope().SetVersion(d.text("version"))
	sm.Scope().Attributes().PutStr("scope", d.text("attribute"))
	sm.Scope().SetDroppedAttributesCount(uint32(d.number()))
	for range d.upTo(4, "metrics") {
		d.metric(sm.Metrics().AppendEmpty())
	}
}

func (d *drawing) metric(m pmetric.Metric) {
	m.SetName(d.text("metric"))
	m.SetDescription(d.text("description"))
	m.SetUnit(d.text("unit"))
	m.Metadata().PutStr("metadata", d.text("metadata"))
	temporality := pmetric.AggregationTemporality(d.upTo(2, "temporality"))
	n := d.upTo(6, "points")
	switch pmetric.MetricType(d.upTo(5, "type")) {
	case pmetric.MetricTypeGauge:
		d.numbers(m.SetEmptyGauge().DataPoints(), n)
	case pmetric.MetricTypeSum:
		m.SetEmptySum().SetAggregationTemporality(temporality)
		m.Sum().SetIsMonotonic(rapid.Bool().Draw(d.T, "monotonic"))
		d.numbers(m.Sum().DataPoints(), n)
	case pmetric.MetricTypeHistogram:
		m.SetEmptyHistogram().SetAggregationTemporality(temporality)
		d.histograms(m.Histogram().DataPoints(), n)
	case pmetric.MetricTypeExponentialHistogram:
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(temporality)
		d.exponentials(m.ExponentialHistogram().DataPoints(), n)
	case pmetric.MetricTypeSummary:
		d.summaries(m.SetEmptySummary().DataPoints(), n)
	case pmetric.MetricTypeEmpty:
	}
}

func (d *drawing) numbers(ps pmetric.NumberDataPointSlice, n int) {
	for range n {
		p := ps.AppendEmpty()
		p.Attributes().PutStr("point", d.text("attribute"))
		p.SetTimestamp(pcommon.Timestamp(d.number()))
		p.SetIntValue(int64(d.number()))
		p.Exemplars().AppendEmpty().SetIntValue(int64(d.number()))
	}
}

func (d *drawing) histograms(ps pmetric.HistogramDataPointSlice, n int) {
	for range n {
		p := ps.AppendEmpty()
		p.Attributes().PutStr("point", d.text("attribute"))
		p.SetSum(float64(d.number()))
		p.ExplicitBounds().FromRaw([]float64{1, float64(d.number())})
		p.BucketCounts().FromRaw([]uint64{1, 2, uint64(d.number())})
	}
}

func (d *drawing) exponentials(ps pmetric.ExponentialHistogramDataPointSlice, n int) {
	for range n {
		p := ps.AppendEmpty()
		p.Attributes().PutStr("point", d.text("attribute"))
		p.SetCount(uint64(d.number()))
		p.Positive().BucketCounts().FromRaw([]uint64{1, uint64(d.number())})
	}
}

func (d *drawing) summaries(ps pmetric.SummaryDataPointSlice, n int) {
	for range n {
		p := ps.AppendEmpty()
		p.Attributes().PutStr("point", d.text("attribute"))
		p.SetCount(uint64(d.number()))
		p.QuantileValues().AppendEmpty().SetValue(float64(d.number()))
	}
}
