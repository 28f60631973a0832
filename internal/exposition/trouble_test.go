package exposition

import (
	"bytes"
	"context"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// The tests of this file are each about a fault this engine had.

// gauges is a batch of n gauges, or of their staleness markers.
func gauges(n int, stale bool) pmetric.Metrics {
	return single(func(m pmetric.Metric) {
		m.SetName("g")
		points := m.SetEmptyGauge().DataPoints()
		for i := range n {
			p := points.AppendEmpty()
			p.Attributes().PutStr("i", strconv.Itoa(i))
			p.SetIntValue(int64(i))
			p.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(stale))
		}
	})
}

func TestTextThatIsCleanedToItsOwnLengthIsCleaned(t *testing.T) {
	for _, text := range []string{"\xff\xff\xff", "a\"\xff\xff\xff\xff", "\x00\xff\xff\xff\xff\xff"} {
		s := NewStore(Options{})
		requireAccepted(t, s, gauge("g", 1, "a", text))
		body, _ := render(t, s, textLegacy)
		require.True(t, utf8.Valid(body), "%q", body)
		require.Len(t, scrape(t, s, textLegacy).values, 1)
	}
}

func TestAFamilyThatDiedMeanwhileIsNotCounted(t *testing.T) {
	s := NewStore(Options{Expiration: time.Hour})
	requireAccepted(t, s, gauges(10, false))
	families := s.currentCatalog().families
	requireAccepted(t, s, gauges(10, true))
	for _, f := range families {
		s.expireFamily(f)
	}
	assert.Zero(t, s.Memory())
}

func TestADeltaHistogramThatStartsAnewIsCreatedAnew(t *testing.T) {
	s := NewStore(Options{})
	for i, bound := range []float64{1, 1, 2} {
		start := pcommon.Timestamp(10*i+10) * second
		requireAccepted(t, s, single(func(m pmetric.Metric) {
			m.SetName("h")
			m.SetEmptyHistogram().SetAggregationTemporality(delta)
			dp := m.Histogram().DataPoints().AppendEmpty()
			dp.SetStartTimestamp(start)
			dp.SetTimestamp(start + 10*second)
			dp.ExplicitBounds().FromRaw([]float64{bound})
			dp.BucketCounts().FromRaw([]uint64{1, 1})
			dp.SetCount(2)
			dp.SetSum(2)
		}))
	}
	body, _ := render(t, s, omLegacy)
	assert.Contains(t, string(body), "h_created 30\n")
}

func TestAFullStoreKeepsTheSeriesItHasUpToDate(t *testing.T) {
	s := NewStore(Options{MaxMemory: 200_000})
	sparse := func(dp pmetric.ExponentialHistogramDataPoint) {
		counts := make([]uint64, 160)
		counts[0], counts[159] = 1, 1
		dp.Positive().BucketCounts().FromRaw(counts)
		dp.SetCount(2)
		dp.SetSum(2)
	}
	exemplified := single(func(m pmetric.Metric) {
		m.SetName("c")
		m.SetEmptyHistogram().SetAggregationTemporality(cumulative)
		dp := m.Histogram().DataPoints().AppendEmpty()
		for range 10 {
			dp.Exemplars().AppendEmpty().SetTimestamp(1)
		}
	})
	requireAccepted(t, s, exponential(cumulative, sparse))
	requireAccepted(t, s, exemplified)
	require.NotEmpty(t, s.Add(gauges(20_000, false)).Refused)
	for range 3 {
		requireAccepted(t, s, exponential(cumulative, sparse))
		requireAccepted(t, s, exemplified)
	}
	assert.LessOrEqual(t, s.Memory(), int64(200_000))
}

func TestDeltasAndExemplarsStayWithinMaxMemory(t *testing.T) {
	s := NewStore(Options{MaxMemory: 100_000})
	for i := range pcommon.Timestamp(200) {
		s.Add(exponential(delta, func(dp pmetric.ExponentialHistogramDataPoint) {
			dp.SetStartTimestamp(i * second)
			dp.SetTimestamp((i + 1) * second)
			dp.Attributes().PutInt("i", int64(i%20))
			dp.SetScale(8)
			dp.Positive().SetOffset(int32(i) * 100)
			dp.Positive().BucketCounts().FromRaw([]uint64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1})
			dp.SetCount(10)
			dp.SetSum(1)
		}))
		s.Add(sum("c", cumulative, func(dp pmetric.NumberDataPoint) {
			dp.SetIntValue(1)
			dp.Attributes().PutInt("i", int64(i))
			dp.Exemplars().AppendEmpty().FilteredAttributes().PutStr("some", "text that takes some memory")
		}))
		require.LessOrEqual(t, s.Memory(), int64(100_000))
	}
}

func TestAFamilyThatShrankGivesItsMemoryBack(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, gauges(20_000, false))
	full := s.Memory()
	stale := gauges(20_000, true)
	stale.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().RemoveIf(func(p pmetric.NumberDataPoint) bool {
		return p.IntValue()%1000 == 7
	})
	requireAccepted(t, s, stale)
	before := scrape(t, s, textLegacy)
	s.Expire()
	assert.Less(t, s.Memory(), full/10)
	assert.Equal(t, before, scrape(t, s, textLegacy))
	requireAccepted(t, s, gauges(20_000, false))
	assert.Equal(t, 20_000, s.Len())
}

// between calls do once, between two pieces of a page.
type between struct {
	bytes.Buffer
	do func()
}

func (b *between) Write(p []byte) (int, error) {
	if do := b.do; do != nil {
		b.do = nil
		do()
	}
	return b.Buffer.Write(p)
}

func TestSeriesThatComeBackWhileAPageIsWrittenAreOnItOnce(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, gauges(5000, false))
	page := between{do: func() {
		requireAccepted(t, s, gauges(5000, true))
		s.Expire()
		requireAccepted(t, s, gauges(5000, false))
	}}
	require.NoError(t, s.Write(t.Context(), &page, Page{Format: formatOf(textLegacy)}, nil))
	parse(t, page.Bytes(), string(textLegacy))
}

// TestAStuckScraperTakesNoMemory replaces nearly all series of the family that a page has got to, ten times.
func TestAStuckScraperTakesNoMemory(t *testing.T) {
	s := NewStore(Options{})
	churn := func(round int, stale bool) {
		md := gauges(5000, stale)
		md.ResourceMetrics().At(0).ScopeMetrics().At(0).Scope().Attributes().PutInt("round", int64(round))
		requireAccepted(t, s, md)
	}
	requireAccepted(t, s, gauges(10, false))
	churn(0, false)
	before := s.Memory()
	page := between{do: func() {
		for round := range 10 {
			churn(round, true)
			s.Expire()
			churn(round+1, false)
		}
	}}
	require.NoError(t, s.Write(t.Context(), &page, Page{Format: formatOf(textLegacy)}, nil))
	assert.Less(t, s.Memory(), before+before/4)
	parse(t, page.Bytes(), string(textLegacy))
}

// lateContext calls do when it is asked for the second time: between two families, or two pieces in protobuf.
type lateContext struct {
	context.Context
	asked *int
	do    func()
}

func (c lateContext) Err() error {
	if *c.asked++; *c.asked == 2 {
		c.do()
	}
	return nil
}

func TestAProtobufFamilyStaysOfOneKindWhileItIsWritten(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, single(func(m pmetric.Metric) {
		m.SetName("h")
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(cumulative)
		for i := range 4000 {
			dp := m.ExponentialHistogram().DataPoints().AppendEmpty()
			dp.Attributes().PutInt("i", int64(i))
			dp.SetSum(1)
		}
	}))
	classic := single(func(m pmetric.Metric) {
		m.SetName("h")
		m.SetEmptyHistogram().SetAggregationTemporality(cumulative)
		m.Histogram().DataPoints().AppendEmpty().Attributes().PutInt("classic", 1)
	})
	var page bytes.Buffer
	ctx := lateContext{t.Context(), new(int), func() { requireAccepted(t, s, classic) }}
	require.NoError(t, s.Write(ctx, &page, Page{Format: formatOf(protoLegacy)}, nil))
	p := parse(t, page.Bytes(), string(protoLegacy))
	assert.Len(t, p.native, 4000)
	assert.Empty(t, p.values)
}

func TestADeltaOfAClockAheadIsNotCountedTwice(t *testing.T) {
	s := NewStore(Options{})
	ahead := pcommon.NewTimestampFromTime(time.Now().Add(time.Hour)) / second
	requireAccepted(t, s, deltaPoint(ahead-1, ahead, 5))
	assert.Equal(t, map[Reason]int{ReasonOutOfOrder: 1}, s.Add(deltaPoint(ahead-1, ahead, 5)).Refused)
}

func TestASeriesAheadCanBeMarkedStale(t *testing.T) {
	s := NewStore(Options{})
	now := pcommon.NewTimestampFromTime(time.Now())
	for _, stale := range []bool{false, true} {
		md := gauge("g", 1)
		point(md).SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(stale))
		point(md).SetTimestamp(now)
		if !stale {
			point(md).SetTimestamp(now + 3600*second)
		}
		requireAccepted(t, s, md)
	}
	assert.Zero(t, s.Len())
}

func TestARefusedPointTakesNoSeriesOver(t *testing.T) {
	s := NewStore(Options{WithoutScopeInfo: true})
	ofService := func(md pmetric.Metrics) pmetric.Metrics {
		md.ResourceMetrics().At(0).Resource().Attributes().PutStr("service.name", "svc")
		md.ResourceMetrics().At(0).Resource().Attributes().PutStr("foo", "bar")
		return md
	}
	requireAccepted(t, s, ofService(gauge("g", 1)))
	withoutNumber := ofService(single(func(m pmetric.Metric) {
		m.SetName("target_info")
		m.SetEmptyGauge().DataPoints().AppendEmpty().Attributes().PutStr("foo", "bar")
	}))
	require.Equal(t, map[Reason]int{ReasonInvalidValue: 1}, s.Add(withoutNumber).Refused)
	stale := ofService(gauge("g", 1))
	point(stale).SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	requireAccepted(t, s, stale)
	assert.Zero(t, s.Len())
}

func TestNativeCountsStayWithinASignedNumber(t *testing.T) {
	s := NewStore(Options{})
	for i := range pcommon.Timestamp(3) {
		requireAccepted(t, s, exponential(delta, func(dp pmetric.ExponentialHistogramDataPoint) {
			dp.SetTimestamp(i + 1)
			dp.Positive().BucketCounts().FromRaw([]uint64{1 << 62})
			dp.SetCount(1 << 62)
			dp.SetSum(1)
		}))
	}
	assert.EqualValues(t, 1<<62, exported(t, s).Count, "it started anew")
}

func TestNoBoundIsNegativeZero(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, exponential(cumulative, func(dp pmetric.ExponentialHistogramDataPoint) {
		dp.Negative().SetOffset(-1080)
		dp.Negative().BucketCounts().FromRaw([]uint64{1})
		dp.SetCount(1)
		dp.SetSum(-1)
	}))
	body, _ := render(t, s, textLegacy)
	assert.NotContains(t, string(body), `le="-0"`)
}
