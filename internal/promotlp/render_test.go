package promotlp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/value"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	text     = "text/plain"
	openText = "application/openmetrics-text"
	protobuf = mediaProtobuf + "; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)

// began is when the first page of a cache is read; it stands in renderings as nothing, other times as what they are.
const began = 1000

// read reads one page with a cache of its own and returns its points without those of the report.
func read(t *testing.T, page, contentType string, change ...func(*Options)) (points []string, c *Cache) {
	t.Helper()
	o := newOptions()
	for _, f := range change {
		f(&o)
	}
	c = New(newTarget(), o)
	md, err := scrapeAt(c, page, contentType, began)
	require.NoError(t, err)
	return withoutReport(render(md)), c
}

// scrapeAt reads a page at a second and delivers it.
func scrapeAt(c *Cache, page, contentType string, second int64) (pmetric.Metrics, error) {
	at := time.Unix(second, 0)
	err := c.Read([]byte(page), contentType, at)
	md := c.Batch(Report{At: at, Up: err == nil, Bytes: len(page)})
	c.Delivered(nil)
	return md, err
}

func withoutReport(points []string) []string {
	return slices.DeleteFunc(points, func(p string) bool {
		name, _, _ := strings.Cut(p, " ")
		return slices.ContainsFunc(reportOf[:], func(f family) bool { return f.name == name })
	})
}

// render writes each point of a batch on a line, without resource and scope.
func render(md pmetric.Metrics) (lines []string) {
	each(md, func(m pmetric.Metric) { lines = append(lines, renderMetric(m)...) })
	return lines
}

func each(md pmetric.Metrics, f func(pmetric.Metric)) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				f(m)
			}
		}
	}
}

func renderMetric(m pmetric.Metric) (lines []string) {
	typ, _ := m.Metadata().Get("prometheus.type")
	add := func(kind string, p anyPoint, value string) {
		lines = append(lines, fmt.Sprintf("%s %s/%s%s", m.Name(), kind, typ.AsString(), renderPoint(p, value)))
	}
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		for _, p := range m.Gauge().DataPoints().All() {
			add("gauge", p, renderNumber(p)+renderExemplars(p.Exemplars()))
		}
	case pmetric.MetricTypeSum:
		kind := map[bool]string{true: "sum+", false: "sum"}[m.Sum().IsMonotonic()]
		for _, p := range m.Sum().DataPoints().All() {
			add(kind, p, renderNumber(p)+renderExemplars(p.Exemplars()))
		}
	case pmetric.MetricTypeHistogram:
		for _, p := range m.Histogram().DataPoints().All() {
			add("histogram", p, renderHistogram(p)+renderExemplars(p.Exemplars()))
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, p := range m.ExponentialHistogram().DataPoints().All() {
			add("exponential", p, renderExponential(p)+renderExemplars(p.Exemplars()))
		}
	case pmetric.MetricTypeSummary:
		for _, p := range m.Summary().DataPoints().All() {
			add("summary", p, renderSummary(p))
		}
	default:
		lines = append(lines, m.Name()+" without type")
	}
	return lines
}

// anyPoint is what points of all kinds have.
type anyPoint interface {
	Attributes() pcommon.Map
	Timestamp() pcommon.Timestamp
	StartTimestamp() pcommon.Timestamp
	Flags() pmetric.DataPointFlags
}

func renderPoint(p anyPoint, value string) string {
	var b strings.Builder
	if attributes := renderMap(p.Attributes()); attributes != "{}" {
		b.WriteString(" " + attributes)
	}
	b.WriteString(value)
	if p.StartTimestamp() != 0 {
		fmt.Fprintf(&b, " since=%v", seconds(p.StartTimestamp()))
	}
	if at := seconds(p.Timestamp()); at != began {
		fmt.Fprintf(&b, " at=%v", at)
	}
	if p.Flags().NoRecordedValue() {
		b.WriteString(" stale")
	}
	return b.String()
}

func seconds(t pcommon.Timestamp) float64 { return float64(t) / 1e9 }

func renderMap(m pcommon.Map) string {
	var pairs []string
	for k, v := range m.All() {
		if k != "zone" || v.Str() != "a" { // which every series of the target has
			pairs = append(pairs, k+"="+v.AsString())
		}
	}
	slices.Sort(pairs)
	return "{" + strings.Join(pairs, ",") + "}"
}

func renderNumber(p pmetric.NumberDataPoint) string {
	switch {
	case p.ValueType() == pmetric.NumberDataPointValueTypeEmpty:
		return ""
	case value.IsStaleNaN(p.DoubleValue()):
		return " StaleNaN"
	default:
		return fmt.Sprintf(" %v", p.DoubleValue())
	}
}

func renderHistogram(p pmetric.HistogramDataPoint) string {
	sum := ""
	if p.HasSum() {
		sum = fmt.Sprintf(" sum=%v", p.Sum())
	}
	return fmt.Sprintf(" count=%d%s bounds=%v counts=%v", p.Count(), sum, p.ExplicitBounds().AsRaw(), p.BucketCounts().AsRaw())
}

func renderExponential(p pmetric.ExponentialHistogramDataPoint) string {
	if p.Flags().NoRecordedValue() {
		return ""
	}
	side := func(name string, b pmetric.ExponentialHistogramDataPointBuckets) string {
		if b.BucketCounts().Len() == 0 {
			return ""
		}
		return fmt.Sprintf(" %s=%d%v", name, b.Offset(), b.BucketCounts().AsRaw())
	}
	return fmt.Sprintf(" count=%d sum=%v scale=%d zero=%d/%v%s%s", p.Count(), p.Sum(), p.Scale(), p.ZeroCount(), p.ZeroThreshold(),
		side("pos", p.Positive()), side("neg", p.Negative()))
}

func renderSummary(p pmetric.SummaryDataPoint) string {
	var quantiles []string
	for _, q := range p.QuantileValues().All() {
		quantiles = append(quantiles, fmt.Sprintf("%v:%v", q.Quantile(), q.Value()))
	}
	return fmt.Sprintf(" count=%d sum=%v %v", p.Count(), p.Sum(), quantiles)
}

func renderExemplars(es pmetric.ExemplarSlice) string {
	var b strings.Builder
	for _, e := range es.All() {
		fmt.Fprintf(&b, " ex(%v at=%v", e.DoubleValue(), seconds(e.Timestamp()))
		if !e.TraceID().IsEmpty() {
			fmt.Fprintf(&b, " trace=%x", [16]byte(e.TraceID()))
		}
		if !e.SpanID().IsEmpty() {
			fmt.Fprintf(&b, " span=%x", [8]byte(e.SpanID()))
		}
		if e.FilteredAttributes().Len() > 0 {
			b.WriteString(" " + renderMap(e.FilteredAttributes()))
		}
		b.WriteString(")")
	}
	return b.String()
}

// resources are the attributes of the resources of a batch, by service.name and service.instance.id.
func resources(md pmetric.Metrics) map[string]map[string]any {
	found := map[string]map[string]any{}
	for _, rm := range md.ResourceMetrics().All() {
		raw := rm.Resource().Attributes().AsRaw()
		found[fmt.Sprint(raw["service.name"], " ", raw["service.instance.id"])] = raw
	}
	return found
}
