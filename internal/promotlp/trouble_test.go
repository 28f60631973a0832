package promotlp

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const nativeFamily = `name: "h" type: HISTOGRAM metric: { histogram: {
	sample_count: 3 zero_threshold: 0.1 positive_span: {offset: 0 length: 1} positive_delta: 3 } }`

func TestASeriesIsAHistogramOnOnePageAndANumberOnAnother(t *testing.T) {
	c := New(newTarget(), newOptions())
	native := families(t, nativeFamily)
	for i, want := range []string{"h exponential", "h gauge", "h exponential"} {
		page, contentType := native, protobuf
		if i == 1 {
			page, contentType = "# TYPE h histogram\nh 500\n", text
		}
		md, err := scrapeAt(c, page, contentType, began+int64(i))
		require.NoError(t, err)
		points := withoutReport(render(md))
		require.Len(t, points, 1)
		assert.Contains(t, points[0], want)
	}
}

func TestASeriesIsAHistogramAndANumberOnOnePage(t *testing.T) {
	timed := strings.Replace(nativeFamily, "metric: {", "metric: { timestamp_ms: 5000", 1)
	page := families(t, timed, `name: "h" type: GAUGE metric: { gauge: { value: 1e9 } timestamp_ms: 6000 }`)
	points, c := read(t, page, protobuf)
	assert.Len(t, points, 1)
	assert.Equal(t, 1, c.Counts().Dropped[Duplicate])
}

func TestBoundsThatComeAndGoAreForgotten(t *testing.T) {
	c := New(newTarget(), newOptions())
	for i := range int64(1000) {
		page := fmt.Sprintf("# TYPE h histogram\nh_bucket{le=\"%d\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n", i)
		md, err := scrapeAt(c, page, text, began+i)
		require.NoError(t, err)
		at := ""
		if i > 0 {
			at = fmt.Sprintf(" at=%d", began+i)
		}
		want := fmt.Sprintf("h histogram/histogram count=1 sum=1 bounds=[%d] counts=[1 0]%s", i, at)
		require.Equal(t, []string{want}, withoutReport(render(md)))
	}
	for _, p := range c.tree.points {
		if p.buckets != nil {
			assert.LessOrEqual(t, len(p.buckets.numbers), 100)
		}
	}
}

func TestNoMarkerForWhatWasNeverPassedOn(t *testing.T) {
	_, c := read(t, "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\n", text)
	md, err := scrapeAt(c, "x 1\n", text, began)
	require.NoError(t, err)
	assert.Equal(t, []string{"x gauge/unknown 1"}, withoutReport(render(md)))
}

// allocated returns how many bytes a page costs.
func allocated(t *testing.T, page, contentType string) int {
	t.Helper()
	c := New(newTarget(), newOptions())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := scrapeAt(c, page, contentType, began)
	require.NoError(t, err)
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

func TestBucketsFarApartCostLittle(t *testing.T) {
	page := families(t, `name: "h" type: HISTOGRAM metric: { histogram: { sample_count: 2 schema: -4 zero_threshold: 0.1
		positive_span: {offset: 0 length: 1} positive_span: {offset: 16777216 length: 1} positive_delta: 1 positive_delta: 0 } }`)
	assert.Less(t, allocated(t, page, protobuf), 1<<20)
}

func TestBucketsOfManyTimesCostLittle(t *testing.T) {
	var b strings.Builder
	b.WriteString("# TYPE h histogram\n")
	for i := range 2000 {
		fmt.Fprintf(&b, "h_bucket{le=\"%d\"} 1 %d\n", i, i+1)
	}
	assert.Less(t, allocated(t, b.String(), text), 1000*b.Len())
}

func TestConvertedOpenMetricsTakesLinearTime(t *testing.T) {
	o := newOptions()
	o.ConvertToNHCB = true
	c := New(newTarget(), o)
	page := "# TYPE c counter\n"
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, "c_total{a=\"%d\"} 1\n", i)
	}
	begin := time.Now()
	_, err := scrapeAt(c, page+b.String()+"# EOF\n", openText, began)
	require.NoError(t, err)
	assert.Less(t, time.Since(begin), 5*time.Second) // it was 20
}

func TestTimesBefore1970(t *testing.T) {
	points, c := read(t, "g 1 -5\n# EOF\n", openText)
	assert.Empty(t, points)
	assert.Equal(t, 1, c.Counts().Dropped[OutOfBounds])
}

func TestAPartBecomesAFamilyOfItsOwn(t *testing.T) {
	_, c := read(t, "# TYPE h histogram\nh_count 1\n", text)
	page := "# TYPE h histogram\n# TYPE h_count counter\nh_count 1\n"
	md, err := scrapeAt(c, page, text, began)
	require.NoError(t, err)
	want, _ := read(t, page, text)
	assert.Equal(t, want, withoutReport(render(md)))
}

// renamed are options that give series another name.
func renamed(name string) Options {
	o := newOptions()
	rule := relabel.DefaultRelabelConfig
	rule.TargetLabel, rule.Replacement, rule.NameValidationScheme = "__name__", name, o.Validation
	o.MetricRelabel = []*relabel.Config{&rule}
	return o
}

func TestOtherRelabellingOwesMarkersForOldNames(t *testing.T) {
	_, c := read(t, "a 1\n", text)
	c.Reconfigure(newTarget(), renamed("b"))
	md, err := scrapeAt(c, "a 1\n", text, began)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"b gauge/unknown 1", "a gauge/unknown stale"}, withoutReport(render(md)))
}

func TestOtherRelabellingOwesMarkersAfterACancelledPageToo(t *testing.T) {
	_, c := read(t, "a 1\n", text)
	c.Reconfigure(newTarget(), renamed("b"))
	require.NoError(t, c.Read([]byte("a 1\n"), text, time.Unix(began, 0)))
	c.Cancel()
	md, err := scrapeAt(c, "a 1\n", text, began)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"b gauge/unknown 1", "a gauge/unknown stale"}, withoutReport(render(md)))
}

func TestOtherExternalLabelsAreThoseOfTheReport(t *testing.T) {
	_, c := read(t, "a 1\n", text)
	o := newOptions()
	o.External = labels.FromStrings("cluster", "x")
	c.Reconfigure(newTarget(), o)
	md, err := scrapeAt(c, "a 1\n", text, began)
	require.NoError(t, err)
	assert.Contains(t, render(md), "up gauge/gauge {cluster=x} 1")
}

// wellFormed demands what OTLP says of points.
func wellFormed(t *testing.T, md pmetric.Metrics) {
	t.Helper()
	each(md, func(m pmetric.Metric) {
		require.NotEmpty(t, m.Name())
		switch m.Type() {
		case pmetric.MetricTypeHistogram:
			for _, p := range m.Histogram().DataPoints().All() {
				requireHistogram(t, p)
			}
		case pmetric.MetricTypeExponentialHistogram:
			for _, p := range m.ExponentialHistogram().DataPoints().All() {
				requireExponential(t, p)
			}
		default:
		}
	})
}

func requireHistogram(t *testing.T, p pmetric.HistogramDataPoint) {
	t.Helper()
	require.Equal(t, p.ExplicitBounds().Len()+1, p.BucketCounts().Len())
	for i := 1; i < p.ExplicitBounds().Len(); i++ {
		require.Less(t, p.ExplicitBounds().At(i-1), p.ExplicitBounds().At(i))
	}
	require.Equal(t, p.Count(), total(p.BucketCounts().AsRaw()))
}

func requireExponential(t *testing.T, p pmetric.ExponentialHistogramDataPoint) {
	t.Helper()
	positive, negative := p.Positive().BucketCounts().AsRaw(), p.Negative().BucketCounts().AsRaw()
	require.LessOrEqual(t, max(len(positive), len(negative)), widest)
	require.Equal(t, p.Count(), p.ZeroCount()+total(positive)+total(negative))
}

func total(counts []uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}
