package exposition

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// sorted renders labels in the order of their names.
func sorted(ls map[string]string) string {
	var parts []string
	for name, value := range ls {
		parts = append(parts, fmt.Sprintf("%s=%q", name, value))
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, ", ") + "}"
}

func deltaPoint(start, end pcommon.Timestamp, value float64) pmetric.Metrics {
	return sum("c", delta, func(dp pmetric.NumberDataPoint) {
		dp.SetStartTimestamp(start * second)
		dp.SetTimestamp(end * second)
		dp.SetDoubleValue(value)
	})
}

func TestDeltaSum(t *testing.T) {
	s := NewStore(Options{})
	for _, step := range []struct {
		md      pmetric.Metrics
		refused Reason
		total   float64
	}{
		{deltaPoint(0, 10, 10), "", 10},
		{deltaPoint(10, 20, 10), "", 20},
		{deltaPoint(10, 20, 10), ReasonOutOfOrder, 20},
		{deltaPoint(15, 30, 10), ReasonMisalignedDelta, 20},
		{deltaPoint(30, 40, 5), "", 25},
		{deltaPoint(40, 50, -1), ReasonInvalidValue, 25},
		{deltaPoint(40, 50, math.NaN()), ReasonInvalidValue, 25},
		{deltaPoint(0, 60, 1), "", 26},
	} {
		out := s.Add(step.md)
		assert.Equal(t, step.refused != "", out.Refused[step.refused] == 1)
		assert.InDelta(t, step.total, scrape(t, s, textLegacy).values[`{__name__="c_total"}`], 0)
	}
}

func TestDeltaSumOfIntThenDouble(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, sum("c", delta, func(dp pmetric.NumberDataPoint) {
		dp.SetTimestamp(10 * second)
		dp.SetIntValue(10)
	}))
	requireAccepted(t, s, deltaPoint(10, 20, 10))
	assert.InDelta(t, 20, scrape(t, s, textLegacy).values[`{__name__="c_total"}`], 0)
}

func TestDeltaHistogram(t *testing.T) {
	s := NewStore(Options{})
	for i := range pcommon.Timestamp(3) {
		requireAccepted(t, s, single(func(m pmetric.Metric) {
			m.SetName("h")
			m.SetEmptyHistogram().SetAggregationTemporality(delta)
			dp := m.Histogram().DataPoints().AppendEmpty()
			dp.SetStartTimestamp((10 + i) * second)
			dp.SetTimestamp((11 + i) * second)
			dp.SetCount(3)
			dp.SetSum(1.5)
			dp.ExplicitBounds().FromRaw([]float64{1})
			dp.BucketCounts().FromRaw([]uint64{2, 1})
		}))
	}
	p := scrape(t, s, omLegacy)
	assert.InDelta(t, 6, p.values[`{__name__="h_bucket", le="1.0"}`], 0)
	assert.InDelta(t, 9, p.values[`{__name__="h_count"}`], 0)
	assert.InDelta(t, 4.5, p.values[`{__name__="h_sum"}`], 0)
	assert.EqualValues(t, 10_000, p.created[`{__name__="h_count"}`], "the first start time stays")
}

func TestDeltasThatAreRefused(t *testing.T) {
	s := NewStore(Options{})
	assert.Equal(t, map[Reason]int{ReasonDeltaNonMonotonic: 1}, s.Add(single(func(m pmetric.Metric) {
		m.SetName("u")
		m.SetEmptySum().SetAggregationTemporality(delta)
		m.Sum().DataPoints().AppendEmpty().SetIntValue(1)
	})).Refused)
}

func TestOlderCumulativePointIsRefused(t *testing.T) {
	s := NewStore(Options{})
	at := func(ts pcommon.Timestamp, v float64) Outcome {
		md := gauge("g", v)
		md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().At(0).SetTimestamp(ts)
		return s.Add(md)
	}
	assert.Equal(t, Outcome{Accepted: 1}, at(20, 1))
	assert.Equal(t, Outcome{Refused: map[Reason]int{ReasonOutOfOrder: 1}}, at(10, 2))
	assert.Equal(t, Outcome{Accepted: 1}, at(20, 3), "a retry is not a duplicate")
	assert.InDelta(t, 3, scrape(t, s, textLegacy).values[`{__name__="g"}`], 0)
}

func TestInvalidHistograms(t *testing.T) {
	for name, fill := range map[string]func(pmetric.HistogramDataPoint){
		"not ascending": func(dp pmetric.HistogramDataPoint) {
			dp.ExplicitBounds().FromRaw([]float64{1, 1})
			dp.BucketCounts().FromRaw([]uint64{0, 0, 0})
		},
		"NaN bound": func(dp pmetric.HistogramDataPoint) {
			dp.ExplicitBounds().FromRaw([]float64{math.NaN()})
			dp.BucketCounts().FromRaw([]uint64{0, 0})
		},
		"too few": func(dp pmetric.HistogramDataPoint) {
			dp.ExplicitBounds().FromRaw([]float64{1})
			dp.BucketCounts().FromRaw([]uint64{0})
		},
		"wrong count": func(dp pmetric.HistogramDataPoint) { dp.BucketCounts().FromRaw([]uint64{1}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := NewStore(Options{})
			out := s.Add(single(func(m pmetric.Metric) {
				m.SetName("h")
				m.SetEmptyHistogram().SetAggregationTemporality(cumulative)
				fill(m.Histogram().DataPoints().AppendEmpty())
			}))
			assert.Equal(t, map[Reason]int{ReasonInvalidHistogram: 1}, out.Refused)
		})
	}
}

func TestMaxSeries(t *testing.T) {
	s := NewStore(Options{MaxSeries: 1})
	requireAccepted(t, s, gauge("a", 1))
	assert.Equal(t, map[Reason]int{ReasonMaxSeries: 1}, s.Add(gauge("b", 1)).Refused)
	requireAccepted(t, s, gauge("a", 2))
	assert.Equal(t, map[string]float64{`{__name__="a"}`: 2}, scrape(t, s, textLegacy).values)
}

func TestExpiration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStore(Options{Expiration: time.Minute})
		requireAccepted(t, s, gauge("old", 1))
		time.Sleep(30 * time.Second)
		requireAccepted(t, s, gauge("young", 1))
		time.Sleep(30 * time.Second)
		assert.Equal(t, map[string]float64{`{__name__="young"}`: 1}, scrape(t, s, textLegacy).values, "hidden before it is freed")
		assert.Equal(t, 2, s.Len())
		assert.Equal(t, 1, s.Expire())
		assert.Equal(t, 1, s.Len())
		requireAccepted(t, s, single(func(m pmetric.Metric) {
			m.SetName("old")
			m.SetEmptySummary().DataPoints().AppendEmpty()
		}))
	})
}

// Each batch gives all values of a series one number, so a page that shows half a series shows two.
func TestPageShowsWholeSeries(t *testing.T) {
	s := NewStore(Options{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range uint64(3000) {
			s.Add(single(func(m pmetric.Metric) {
				m.SetName("h")
				m.SetEmptyHistogram().SetAggregationTemporality(cumulative)
				dp := m.Histogram().DataPoints().AppendEmpty()
				dp.SetCount(i)
				dp.SetSum(float64(i))
				dp.ExplicitBounds().FromRaw([]float64{1})
				dp.BucketCounts().FromRaw([]uint64{i, 0})
			}))
		}
	})
	for range 200 {
		body, _ := render(t, s, textLegacy)
		p := parse(t, body, string(textLegacy))
		require.InDelta(t, p.values[`{__name__="h_sum"}`], p.values[`{__name__="h_count"}`], 0)
		require.InDelta(t, p.values[`{__name__="h_sum"}`], p.values[`{__name__="h_bucket", le="1.0"}`], 0)
	}
	wg.Wait()
}

func TestOrderIsStable(t *testing.T) {
	s := NewStore(Options{})
	for i := range 50 {
		requireAccepted(t, s, gauge(fmt.Sprint("m", i%7), 1, "i", strconv.Itoa(i)))
	}
	first, _ := render(t, s, textLegacy)
	second, _ := render(t, s, textLegacy)
	assert.Equal(t, string(first), string(second))
}

// addJSON adds the points of one metric, given as OTLP JSON, and returns the outcome.
func addJSON(t *testing.T, s *Store, metric string) Outcome {
	t.Helper()
	text := `{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"svc"}},{"key":"host.name","value":{"stringValue":"h"}}]},
		"scopeMetrics":[{"metrics":[` + metric + `]}]}]}`
	md, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics([]byte(text))
	require.NoError(t, err)
	return s.Add(md)
}

func TestStalenessMarkersBringNoTargetBack(t *testing.T) {
	s := NewStore(Options{})
	addJSON(t, s, `{"name":"g","gauge":{"dataPoints":[{"timeUnixNano":"1","flags":1}]}}`)
	require.Zero(t, s.Len())
}

func TestCountsThatWrapAroundAreRefused(t *testing.T) {
	for name, metric := range map[string]string{
		"classic": `{"name":"h","histogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"1","sum":1,"count":"5",
			"explicitBounds":[1,2],"bucketCounts":["9223372036854775808","9223372036854775808","5"]}]}}`,
		"exponential, merged buckets": `{"name":"h","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"1","sum":1,"scale":9,
			"count":"18446744073709551614","positive":{"offset":0,"bucketCounts":["9223372036854775807","9223372036854775807"]}}]}}`,
		"exponential, total": `{"name":"h","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"1","sum":1,"scale":0,
			"count":"1","positive":{"offset":0,"bucketCounts":["9223372036854775807","9223372036854775807","3"]}}]}}`,
		"exponential, zeros": `{"name":"h","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"1","sum":1,"scale":0,
			"count":"1","zeroCount":"18446744073709551615","positive":{"offset":0,"bucketCounts":["2"]}}]}}`,
	} {
		out := addJSON(t, NewStore(Options{}), metric)
		require.Equal(t, map[Reason]int{ReasonInvalidHistogram: 1}, out.Refused, name)
	}
}

func TestDeltaHistogramOutlivesPointsWithoutASum(t *testing.T) {
	point := func(window int, sum string) string {
		return fmt.Sprintf(`{"name":"h","histogram":{"aggregationTemporality":1,"dataPoints":[
			{"startTimeUnixNano":"%d0","timeUnixNano":"%d0","count":"2",%s"explicitBounds":[1],"bucketCounts":["1","1"]}]}}`, window, window+1, sum)
	}
	s := NewStore(Options{})
	for window, sum := range []string{`"sum":1,`, `"sum":"Infinity",`, ``, `"sum":4,`, `"sum":5,`} {
		out := addJSON(t, s, point(window, sum))
		if window == 1 { // the infinite one costs itself only
			require.Equal(t, map[Reason]int{ReasonInvalidValue: 1}, out.Refused)
		} else {
			require.Empty(t, out.Refused)
		}
	}
	page := scrape(t, s, textUTF8)
	require.InDelta(t, 9, page.values[`{__name__="h_sum", job="svc"}`], 0, page.values)
}

func TestQuantilesOutsideTheirRangeAreRefused(t *testing.T) {
	for _, q := range []string{"-0.1", "1.5", `"NaN"`} {
		out := addJSON(t, NewStore(Options{}), `{"name":"s","summary":{"dataPoints":[{"timeUnixNano":"1","count":"1","sum":1,"quantileValues":[{"quantile":`+q+`,"value":1}]}]}}`)
		require.Equal(t, map[Reason]int{ReasonInvalidSummary: 1}, out.Refused, q)
	}
}
