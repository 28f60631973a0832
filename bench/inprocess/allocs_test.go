//go:build !race

// The race detector allocates on its own account and empties pools at random, so that nothing here holds under it.

package inprocess

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Without rules the streamer does not look at points.
func TestStreamerPassThroughAllocatesPerBatchOnly(t *testing.T) {
	c := streamerCase{name: "pass-through"}
	assert.InDelta(t, streamerAllocs(t, c, merged(1, numbers)), streamerAllocs(t, c, merged(5, numbers)), 0)
}

// A condition on metrics does not look at points either.
func TestStreamerMetricConditionAllocatesPerMetricOnly(t *testing.T) {
	c := streamerCase{"metric-condition", []step{{drop: []string{`metric.name == "nosuch"`}}}}
	assert.InDelta(t, streamerAllocs(t, c, merged(1, numbers)), streamerAllocs(t, c, halved(merged(1, numbers))), 0)
}

// Ceilings of what each point costs today. They may sink and must not rise; see BenchmarkStreamer for what it costs in time.
func TestStreamerAllocsPerPoint(t *testing.T) {
	for _, tt := range []struct {
		step    step
		ceiling float64
	}{
		{step{drop: []string{`datapoint.attributes["env"] == "nosuch"`}}, 2.2},
		{step{transform: []string{`set(datapoint.attributes["env"], "prod")`}}, 2.1},
	} {
		c := streamerCase{"", []step{tt.step}}
		perPoint := (streamerAllocs(t, c, merged(5, numbers)) - streamerAllocs(t, c, merged(1, numbers))) / (4 * pointsPerBatch)
		assert.LessOrEqual(t, perPoint, tt.ceiling, "%v", tt.step)
	}
}

// A point of a known series costs nothing, whatever its kind. See BenchmarkPullIngest.
func TestPullIngestAllocatesByMetricOnly(t *testing.T) {
	for _, s := range []shape{numbers, histograms} {
		const metrics = pointsPerBatch / pointsPerMetric
		p := pullImpls[0].start(t)
		p.add(t, merged(5, s))
		once := ingestAllocs(t, p, merged(1, s))
		assert.InDelta(t, once, ingestAllocs(t, p, halved(merged(1, s))), 0, "half the points, shape %d", s)
		assert.LessOrEqual(t, (ingestAllocs(t, p, merged(5, s))-once)/(4*metrics), 2.1, "shape %d", s)
	}
}

func ingestAllocs(t *testing.T, p *pull, md pmetric.Metrics) float64 {
	t.Helper()
	return testing.AllocsPerRun(20, func() { p.add(t, md) })
}

// A scrape allocates by families and by the length of the page, which the client too keeps room for, not by series. See
// BenchmarkPullScrape.
func TestPullScrapeAllocsPerSeries(t *testing.T) {
	const few = 0.05
	for _, tt := range []struct {
		shape   shape
		format  format
		ceiling float64
	}{
		{numbers, text, few},
		{numbers, textGzip, few},
		{numbers, openMetrics, few},
		{numbers, protobuf, few},
		{histograms, text, few},
		{histograms, textGzip, few},
		{histograms, openMetrics, few},
		{histograms, protobuf, few},
	} {
		const small, large = 1 * pointsPerBatch, 4 * pointsPerBatch
		more := scrapeAllocs(t, tt.shape, tt.format, large) - scrapeAllocs(t, tt.shape, tt.format, small)
		perSeries := more / float64(seriesOnPage(large, tt.shape)-seriesOnPage(small, tt.shape))
		assert.LessOrEqual(t, perSeries, tt.ceiling, "%s, shape %d", tt.format.name, tt.shape)
	}
}

// streamerAllocs are the allocations per batch. The rules must leave md as it is from the second time on.
func streamerAllocs(t *testing.T, c streamerCase, md pmetric.Metrics) float64 {
	t.Helper()
	to := ours(t, c, consumertest.NewNop())
	return testing.AllocsPerRun(20, func() {
		if err := to.ConsumeMetrics(t.Context(), md); err != nil {
			t.Fatal(err)
		}
	})
}

func scrapeAllocs(t *testing.T, s shape, f format, points int) float64 {
	t.Helper()
	p := pullImpls[0].start(t)
	p.add(t, batches(points, s)...)
	client := newScraper(t, p, f)
	return testing.AllocsPerRun(5, func() { client.scrape(t) })
}

// merged is one batch with the resources of n.
func merged(n int, s shape) pmetric.Metrics {
	out := pmetric.NewMetrics()
	for _, md := range batches(n*pointsPerBatch, s) {
		md.ResourceMetrics().MoveAndAppendTo(out.ResourceMetrics())
	}
	return out
}

// halved takes every second point from each metric of md.
func halved(md pmetric.Metrics) pmetric.Metrics {
	i := 0
	second := func() bool { i++; return i%2 == 0 }
	for _, rm := range md.ResourceMetrics().All() {
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			removePoints(m, second)
		}
	}
	return md
}

func removePoints(m pmetric.Metric, remove func() bool) {
	f := func(pmetric.NumberDataPoint) bool { return remove() }
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		m.Gauge().DataPoints().RemoveIf(f)
	case pmetric.MetricTypeSum:
		m.Sum().DataPoints().RemoveIf(f)
	default:
		m.Histogram().DataPoints().RemoveIf(func(pmetric.HistogramDataPoint) bool { return remove() })
	}
}
