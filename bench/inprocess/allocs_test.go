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
	assert.InDelta(t, streamerAllocs(t, c, merged(1)), streamerAllocs(t, c, merged(5)), 0)
}

// A condition on metrics does not look at points either.
func TestStreamerMetricConditionAllocatesPerMetricOnly(t *testing.T) {
	c := streamerCase{"metric-condition", []step{{drop: []string{`metric.name == "nosuch"`}}}}
	half := merged(1)
	for _, m := range half.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		i := 0
		removeNumbers(m, func() bool { i++; return i%2 == 0 })
	}
	assert.InDelta(t, streamerAllocs(t, c, merged(1)), streamerAllocs(t, c, half), 0)
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
		perPoint := (streamerAllocs(t, c, merged(5)) - streamerAllocs(t, c, merged(1))) / (4 * pointsPerBatch)
		assert.LessOrEqual(t, perPoint, tt.ceiling, "%v", tt.step)
	}
}

// Ceilings of what a point of a known series costs today; see BenchmarkPullIngest.
func TestPullIngestAllocsPerPoint(t *testing.T) {
	for s, ceiling := range map[shape]float64{numbers: 60, histograms: 87} {
		p, input := pullImpls[0].start(t), batches(pointsPerBatch, s)
		perPoint := testing.AllocsPerRun(5, func() { p.add(t, input...) }) / pointsPerBatch
		assert.LessOrEqual(t, perPoint, ceiling, "shape %d", s)
	}
}

// A scrape allocates by families, not by series, but for OpenMetrics and the buckets of histograms, where these are
// today's ceilings. See BenchmarkPullScrape.
func TestPullScrapeAllocsPerSeries(t *testing.T) {
	for _, tt := range []struct {
		shape   shape
		format  format
		ceiling float64
	}{
		{numbers, text, 0.2},
		{numbers, textGzip, 0.1},
		{numbers, openMetrics, 0.9},
		{numbers, protobuf, 0.1},
		{histograms, text, 1.2},
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
func merged(n int) pmetric.Metrics {
	out := pmetric.NewMetrics()
	for _, md := range batches(n*pointsPerBatch, numbers) {
		md.ResourceMetrics().MoveAndAppendTo(out.ResourceMetrics())
	}
	return out
}

func removeNumbers(m pmetric.Metric, remove func() bool) {
	f := func(pmetric.NumberDataPoint) bool { return remove() }
	if m.Type() == pmetric.MetricTypeGauge {
		m.Gauge().DataPoints().RemoveIf(f)
	} else {
		m.Sum().DataPoints().RemoveIf(f)
	}
}
