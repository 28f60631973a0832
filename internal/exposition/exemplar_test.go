package exposition

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// observed is an exemplar of a test: its name becomes a label.
type observed struct {
	name  string
	value float64
	time  pcommon.Timestamp
}

func putExemplars(es pmetric.ExemplarSlice, all []observed) {
	for _, o := range all {
		e := es.AppendEmpty()
		e.SetDoubleValue(o.value)
		e.SetTimestamp(o.time * second)
		e.FilteredAttributes().PutStr("name", o.name)
	}
}

// exemplarsOf returns the names of the exemplars a sample has on an OpenMetrics page.
func exemplarsOf(t *testing.T, s *Store, sample string) []string {
	t.Helper()
	var names []string
	for _, e := range scrape(t, s, omLegacy).exemplars[sample] {
		names = append(names, e.Labels.Get("name"))
	}
	return names
}

var latestCases = map[string]struct {
	exemplars []observed
	want      string
}{
	"in order":        {[]observed{{"a", 0.5, 1}, {"b", 0.6, 2}}, "b"},
	"reversed":        {[]observed{{"a", 0.5, 2}, {"b", 0.6, 1}}, "a"},
	"equal times":     {[]observed{{"a", 0.5, 1}, {"b", 0.6, 1}}, "b"},
	"without times":   {[]observed{{"a", 0.5, 0}, {"b", 0.6, 0}}, "b"},
	"one has no time": {[]observed{{"a", 0.5, 1}, {"b", 0.6, 0}}, "a"},
}

func TestLatestExemplarOfACounter(t *testing.T) {
	for name, c := range latestCases {
		s := NewStore(Options{})
		requireAccepted(t, s, sum("c", cumulative, func(p pmetric.NumberDataPoint) {
			p.SetIntValue(1)
			putExemplars(p.Exemplars(), c.exemplars)
		}))
		assert.Equal(t, []string{c.want}, exemplarsOf(t, s, `{__name__="c_total"}`), name)
	}
}

func TestLatestExemplarOfABucket(t *testing.T) {
	for name, c := range latestCases {
		s := NewStore(Options{})
		md := bucketed(cumulative, 1, []float64{1})
		putExemplars(histogramPoint(md).Exemplars(), append([]observed{{"above", 2, 9}}, c.exemplars...))
		requireAccepted(t, s, md)
		assert.Equal(t, []string{c.want}, exemplarsOf(t, s, `{__name__="h_bucket", le="1.0"}`), name)
		assert.Equal(t, []string{"above"}, exemplarsOf(t, s, `{__name__="h_bucket", le="+Inf"}`), name)
	}
}

func histogramPoint(md pmetric.Metrics) pmetric.HistogramDataPoint {
	return md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Histogram().DataPoints().At(0)
}

// A bound belongs to the bucket below it.
func TestExemplarAtABound(t *testing.T) {
	s := NewStore(Options{})
	md := bucketed(cumulative, 1, []float64{1, 2})
	putExemplars(histogramPoint(md).Exemplars(), []observed{{"at 1", 1, 1}, {"at 2", 2, 1}})
	requireAccepted(t, s, md)
	assert.Equal(t, []string{"at 1"}, exemplarsOf(t, s, `{__name__="h_bucket", le="1.0"}`))
	assert.Equal(t, []string{"at 2"}, exemplarsOf(t, s, `{__name__="h_bucket", le="2.0"}`))
}

// exponentialOf is a delta with an observation in (1, 2] and one in (4, 8].
func exponentialOf(end pcommon.Timestamp, exemplars ...observed) pmetric.Metrics {
	return exponential(delta, func(p pmetric.ExponentialHistogramDataPoint) {
		p.SetStartTimestamp((end - 1) * second)
		p.SetTimestamp(end * second)
		p.SetSum(7)
		p.SetCount(2)
		p.Positive().BucketCounts().FromRaw([]uint64{1, 0, 1})
		putExemplars(p.Exemplars(), exemplars)
	})
}

func TestExemplarsOfConvertedBuckets(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, exponentialOf(1, observed{"late", 1.5, 7}, observed{"early", 1.6, 6}, observed{"high", 7, 1}, observed{"no time", 1.7, 0}))
	assert.Equal(t, []string{"late"}, exemplarsOf(t, s, `{__name__="h_bucket", le="2.0"}`))
	assert.Equal(t, []string{"high"}, exemplarsOf(t, s, `{__name__="h_bucket", le="8.0"}`))
	assert.Empty(t, exemplarsOf(t, s, `{__name__="h_bucket", le="4.0"}`))
}

func TestOfEqualTimesTheLaterExemplarOfAConvertedBucket(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, exponentialOf(1, observed{"a", 1.5, 7}, observed{"b", 1.6, 7}))
	assert.Equal(t, []string{"b"}, exemplarsOf(t, s, `{__name__="h_bucket", le="2.0"}`))
}

func TestExemplarsStayWhenADeltaHasNone(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, exponentialOf(1, observed{"old", 1.5, 1}))
	requireAccepted(t, s, exponentialOf(2))
	assert.Equal(t, []string{"old"}, exemplarsOf(t, s, `{__name__="h_bucket", le="2.0"}`))
	requireAccepted(t, s, exponentialOf(3, observed{"new", 1.5, 2}))
	assert.Equal(t, []string{"new"}, exemplarsOf(t, s, `{__name__="h_bucket", le="2.0"}`))

	s = NewStore(Options{})
	counter := func(end pcommon.Timestamp, es ...observed) pmetric.Metrics {
		md := deltaPoint(end-1, end, 1)
		putExemplars(md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0).Exemplars(), es)
		return md
	}
	requireAccepted(t, s, counter(1, observed{"old", 1, 1}))
	requireAccepted(t, s, counter(2))
	assert.Equal(t, []string{"old"}, exemplarsOf(t, s, `{__name__="c_total"}`))
	requireAccepted(t, s, counter(3, observed{"new", 1, 2}))
	assert.Equal(t, []string{"new"}, exemplarsOf(t, s, `{__name__="c_total"}`))
}

func TestExemplarsOfBucketsStayEachForItself(t *testing.T) {
	s := NewStore(Options{})
	for end, es := range [][]observed{{{"low", 0.5, 1}, {"high", 2, 1}}, {}, {{"low again", 0.6, 2}, {"older", 2, 0}}} {
		md := bucketed(delta, pcommon.Timestamp(end+1), []float64{1})
		putExemplars(histogramPoint(md).Exemplars(), es)
		requireAccepted(t, s, md)
	}
	assert.Equal(t, []string{"low again"}, exemplarsOf(t, s, `{__name__="h_bucket", le="1.0"}`))
	assert.Equal(t, []string{"high"}, exemplarsOf(t, s, `{__name__="h_bucket", le="+Inf"}`))
}

func TestACumulativePointReplacesExemplars(t *testing.T) {
	s := NewStore(Options{})
	for _, es := range [][]observed{{{"old", 0.5, 1}}, {}} {
		requireAccepted(t, s, sum("c", cumulative, func(p pmetric.NumberDataPoint) {
			p.SetIntValue(1)
			putExemplars(p.Exemplars(), es)
		}))
		md := bucketed(cumulative, 1, []float64{1})
		putExemplars(histogramPoint(md).Exemplars(), es)
		requireAccepted(t, s, md)
	}
	require.Empty(t, scrape(t, s, omLegacy).exemplars)
}
