package exposition

import (
	"strconv"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func TestSeriesOfEqualHashesAreTold(t *testing.T) {
	s := NewStore(Options{collide: true})
	want := map[string]float64{}
	for round := range 3 {
		for i := range 50 {
			requireAccepted(t, s, gauge("g", float64(round), "i", strconv.Itoa(i)))
			want[`{__name__="g", i="`+strconv.Itoa(i)+`"}`] = float64(round)
		}
		require.Equal(t, want, scrape(t, s, textLegacy).values)
	}
	for i := range 50 {
		stale := gauge("g", 0, "i", strconv.Itoa(i))
		point(stale).SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		requireAccepted(t, s, stale)
		delete(want, `{__name__="g", i="`+strconv.Itoa(i)+`"}`)
		require.Equal(t, want, scrape(t, s, textLegacy).values)
	}
	assert.Zero(t, s.Len())
}

// point returns the only point of a batch made by gauge.
func point(md pmetric.Metrics) pmetric.NumberDataPoint {
	return md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().At(0)
}

func TestSameLabelsMadeInOtherWaysAreOneSeries(t *testing.T) {
	ofJob := func(value float64, attrs ...string) pmetric.Metrics {
		md := gauge("g", value, attrs...)
		md.ResourceMetrics().At(0).Resource().Attributes().PutStr("service.name", "svc")
		return md
	}
	number := gauge("g", 4, "b", "2", "job", "svc")
	point(number).Attributes().PutInt("a", 1)
	s := NewStore(Options{WithoutTargetInfo: true})
	for i, md := range []pmetric.Metrics{
		ofJob(0, "a", "1", "b", "2"),
		ofJob(1, "b", "2", "a", "1"),
		ofJob(2, "a", "1", "b", "2", "c", ""),
		gauge("g", 3, "job", "svc", "a", "1", "b", "2"),
		number,
		ofJob(5, "a", "1", "b", "2"),
	} {
		requireAccepted(t, s, md)
		require.Equal(t, map[string]float64{`{__name__="g", a="1", b="2", job="svc"}`: float64(i)}, scrape(t, s, textLegacy).values)
		require.Equal(t, 1, s.Len())
	}
	stale := ofJob(0, "b", "2", "a", "1")
	point(stale).SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	requireAccepted(t, s, stale)
	assert.Zero(t, s.Len())
	assert.Empty(t, s.contexts.resources, "nothing is left of the resources")
}

func TestValuesOfAllTypesAndTexts(t *testing.T) {
	s := NewStore(Options{})
	md := gauge("g", 1, "text", "a\\b\"c\nd", "long", string(make([]byte, 0, 300))+strconv.Itoa(1<<62)+"-"+string(bytes300()), "plain", "x")
	attrs := point(md).Attributes()
	attrs.PutInt("int", -5)
	attrs.PutDouble("double", 0.1)
	attrs.PutBool("bool", true)
	attrs.PutEmptySlice("slice").AppendEmpty().SetInt(1)
	attrs.PutEmptyBytes("bytes").FromRaw([]byte{1, 2})
	requireAccepted(t, s, md)
	want := model.LabelSet{
		"__name__": "g", "text": "a\\b\"c\nd", "long": model.LabelValue(strconv.Itoa(1<<62) + "-" + string(bytes300())), "plain": "x",
		"int": "-5", "double": "0.1", "bool": "true", "slice": "[1]", "bytes": "AQI=",
	}
	mfs, err := s.Gather()
	require.NoError(t, err)
	got := model.LabelSet{"__name__": "g"}
	for _, pair := range mfs[0].Metric[0].Label {
		got[model.LabelName(pair.GetName())] = model.LabelValue(pair.GetValue())
	}
	assert.Equal(t, want, got)
	for _, format := range allFormats {
		assert.Len(t, scrape(t, s, format).values, 1)
	}
}

func bytes300() []byte {
	b := make([]byte, 300)
	for i := range b {
		b[i] = 'x'
	}
	return b
}

func TestKnownSeriesAllocateNothing(t *testing.T) {
	s := NewStore(Options{})
	small, large := NewStore(Options{}), tenThousand()
	half := tenThousand()
	n := 0
	half.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().RemoveIf(func(pmetric.NumberDataPoint) bool {
		n++
		return n > 5000
	})
	s.Add(large)
	small.Add(half)
	assert.InDelta(t, testing.AllocsPerRun(10, func() { small.Add(half) }), testing.AllocsPerRun(10, func() { s.Add(large) }), 1)
}
