package exposition

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// hinted is a sum as the Prometheus receiver makes it from an info or a stateset.
func hinted(name, hint string, value float64, attrs ...string) pmetric.Metrics {
	return single(func(m pmetric.Metric) {
		m.SetName(name)
		m.Metadata().PutStr("prometheus.type", hint)
		m.SetEmptySum().SetAggregationTemporality(cumulative)
		dp := m.Sum().DataPoints().AppendEmpty()
		dp.SetDoubleValue(value)
		putAll(dp, attrs)
	})
}

func TestInfoAndStatesetAreToldInOpenMetrics(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, hinted("build_info", "info", 1, "version", "2"))
	requireAccepted(t, s, hinted("light", "stateset", 1, "light", "red"))
	requireAccepted(t, s, hinted("light", "stateset", 0, "light", "green"))
	p := scrape(t, s, omLegacy)
	assert.Equal(t, model.MetricTypeInfo, p.types["build"])
	assert.Equal(t, model.MetricTypeStateset, p.types["light"])
	assert.InDelta(t, 1, p.values[`{__name__="build_info", version="2"}`], 0)
	assert.Equal(t, model.MetricTypeGauge, scrape(t, s, textLegacy).types["build_info"])
}

func TestWhatIsNoInfoOrStatesetIsAGauge(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, hinted("build_info", "info", 1, "version", "2"))
	requireAccepted(t, s, hinted("build_info", "info", 2, "version", "3"))
	requireAccepted(t, s, hinted("light", "stateset", 1, "color", "red"))
	requireAccepted(t, s, hinted("no_suffix", "info", 1))
	requireAccepted(t, s, hinted("a_info", "info", 1))
	requireAccepted(t, s, gauge("a", 1))
	p := scrape(t, s, omLegacy)
	for _, name := range []string{"build_info", "light", "no_suffix", "a_info", "a"} {
		assert.Equal(t, model.MetricTypeGauge, p.types[name], name)
	}
}

func TestTargetInfoIsAnInfoInOpenMetrics(t *testing.T) {
	s := NewStore(Options{Namespace: "shop"})
	requireAccepted(t, s, allTypes())
	p := scrape(t, s, omLegacy)
	assert.Equal(t, model.MetricTypeInfo, p.types["target"])
	assert.Contains(t, p.values, `{__name__="target_info", host_name="node-1", instance="cart-1", job="shop/cart"}`)
	assert.Contains(t, p.values, `{__name__="shop_connections", `+common+`}`)
}

func TestCreatedGivesWayToAFamilyOfItsName(t *testing.T) {
	started := func(dp pmetric.NumberDataPoint) { dp.SetStartTimestamp(5 * second); dp.SetIntValue(1) }
	for name, other := range map[string]pmetric.Metrics{
		"gauge":   gauge("x_created", 7),
		"counter": sum("x_created", cumulative, func(dp pmetric.NumberDataPoint) { dp.SetIntValue(1) }),
	} {
		s := NewStore(Options{})
		requireAccepted(t, s, sum("x", cumulative, started))
		body, _ := render(t, s, omLegacy)
		require.Contains(t, string(body), "\nx_created 5\n")
		requireAccepted(t, s, other)
		body, _ = render(t, s, omLegacy)
		require.NotContains(t, string(body), "\nx_created 5\n", name)
	}
}

func TestCreatedLinesOfEveryType(t *testing.T) {
	s := NewStore(Options{})
	for _, metric := range []string{
		`{"name":"c","sum":{"isMonotonic":true,"aggregationTemporality":2,"dataPoints":[{"startTimeUnixNano":"1500000000","asInt":"1"}]}}`,
		`{"name":"h","histogram":{"aggregationTemporality":2,"dataPoints":[{"startTimeUnixNano":"1500000000","count":"0","sum":0}]}}`,
		`{"name":"s","summary":{"dataPoints":[{"startTimeUnixNano":"1500000000","count":"1","sum":1}]}}`,
	} {
		addJSON(t, s, metric)
	}
	body, _ := render(t, s, omLegacy)
	for _, name := range []string{"c", "h", "s"} {
		assert.Contains(t, string(body), "\n"+name+`_created{job="svc"} 1.5`+"\n")
		addJSON(t, s, `{"name":"`+name+`_created","gauge":{"dataPoints":[{"asInt":"9"}]}}`)
	}
	body, _ = render(t, s, omLegacy)
	assert.NotContains(t, string(body), " 1.5\n")
}

func TestJoinedResourceAttributesAreInTheOrderOfTheirKeys(t *testing.T) {
	for range 10 {
		s := NewStore(Options{})
		md := gauge("g", 1)
		attrs := md.ResourceMetrics().At(0).Resource().Attributes()
		for _, key := range []string{"a_b", "a.b", "a-b"} {
			attrs.PutStr(key, key)
		}
		requireAccepted(t, s, md)
		require.Contains(t, scrape(t, s, textLegacy).values, `{__name__="target_info", a_b="a-b;a.b;a_b"}`)
	}
}

func TestOptionsThatAddLabels(t *testing.T) {
	s := NewStore(Options{
		ConstLabels:    map[string]string{"cluster": "eu", "le": "x"},
		ResourceLabels: func(key string) bool { return strings.HasPrefix(key, "host.") },
	})
	requireAccepted(t, s, allTypes())
	p := scrape(t, s, textLegacy)
	assert.Contains(t, p.values, `{__name__="connections", cluster="eu", host_name="node-1", instance="cart-1", job="shop/cart", le="x", otel_scope_name="http"}`)
	assert.Contains(t, p.values, `{__name__="latency_seconds_count", cluster="eu", exported_le="x", host_name="node-1", instance="cart-1", job="shop/cart", otel_scope_name="http"}`)
	assert.Contains(t, p.values, `{__name__="target_info", cluster="eu", host_name="node-1", instance="cart-1", job="shop/cart", le="x"}`)
}

func TestAPointFarAheadDoesNotBlockItsSeries(t *testing.T) {
	s := NewStore(Options{})
	now := pcommon.NewTimestampFromTime(time.Now())
	for i, ts := range []pcommon.Timestamp{now, now + 3600*second, now + second} {
		md := gauge("g", float64(i))
		point(md).SetTimestamp(ts)
		requireAccepted(t, s, md)
	}
	assert.InDelta(t, 2, scrape(t, s, textLegacy).values[`{__name__="g"}`], 0)
}

func TestExpiredSeriesGiveWayToAnotherType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStore(Options{Expiration: time.Minute})
		requireAccepted(t, s, gauge("m", 1))
		summary := single(func(m pmetric.Metric) {
			m.SetName("m")
			m.SetEmptySummary().DataPoints().AppendEmpty().SetCount(3)
		})
		require.Equal(t, map[Reason]int{ReasonTypeConflict: 1}, s.Add(summary).Refused)
		time.Sleep(time.Minute)
		requireAccepted(t, s, summary)
		assert.InDelta(t, 3, scrape(t, s, textLegacy).values[`{__name__="m_count"}`], 0)
	})
}

func TestTemporalityOfASeriesStays(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, deltaPoint(0, 10, 1))
	at := func(dp pmetric.NumberDataPoint) { dp.SetTimestamp(20 * second); dp.SetIntValue(100) }
	assert.Equal(t, map[Reason]int{ReasonTemporalityConflict: 1}, s.Add(sum("c", cumulative, at)).Refused)
	requireAccepted(t, s, deltaPoint(10, 30, 1))
	assert.InDelta(t, 2, scrape(t, s, textLegacy).values[`{__name__="c_total"}`], 0)
}

func TestExponentialHistogramsMayBeLeftOutOfText(t *testing.T) {
	s := NewStore(Options{DropExponentialInText: true})
	requireAccepted(t, s, allTypes())
	for _, format := range allFormats {
		p := scrape(t, s, format)
		if format == protoLegacy || format == protoUTF8 {
			assert.Len(t, p.native, 1)
			continue
		}
		assert.NotContains(t, p.types, "size_bytes")
		assert.Contains(t, p.types, "latency_seconds")
	}
}
