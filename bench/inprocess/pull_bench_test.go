package inprocess

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// BenchmarkPullIngest sends known series again, with new values, batch by batch.
func BenchmarkPullIngest(b *testing.B) {
	for _, series := range sizes(1_000, 10_000, 100_000) {
		benchmarkIngest(b, ofSize(series), batches(series, numbers))
	}
	benchmarkIngest(b, "histograms=1000", batches(1_000, histograms))
}

func benchmarkIngest(b *testing.B, name string, input []pmetric.Metrics) {
	b.Helper()
	runPull(b, name, func(b *testing.B, impl pullImpl) {
		b.Helper()
		p := impl.start(b)
		p.add(b, input...)
		i := 0
		m := newMeter(b)
		for b.Loop() {
			md := input[i%len(input)]
			i++
			m.untimed(func() { advance(md, i) })
			p.add(b, md)
		}
		m.report(pointsPerBatch, "point")
	})
}

// BenchmarkPullChurn sends batches with one new series in ten. The old ones stay, as they would until they expire; an
// exporter that holds twice the series it began with is replaced.
func BenchmarkPullChurn(b *testing.B) {
	for _, series := range sizes(10_000, 100_000) {
		input := encode(batches(series, numbers))
		runPull(b, ofSize(series)+",churn=10%", func(b *testing.B, impl pullImpl) {
			b.Helper()
			churnPull(b, impl, input)
		})
	}
}

// churnPull decodes each batch anew, for contrib's exporter keeps some of what it is given.
func churnPull(b *testing.B, impl pullImpl, input [][]byte) {
	b.Helper()
	p := fullPull(b, impl, input)
	i := 0
	m := newMeter(b)
	for b.Loop() {
		m.stop()
		if i > 0 && i%(10*len(input)) == 0 {
			p.stop()
			p = fullPull(b, impl, input)
		}
		md := decode(input[i%len(input)])
		i++
		advance(md, i)
		churn(md, i)
		m.start()
		p.add(b, md)
	}
	m.report(pointsPerBatch, "point")
}

func fullPull(b *testing.B, impl pullImpl, input [][]byte) *pull {
	b.Helper()
	p := impl.start(b)
	for _, data := range input {
		p.add(b, decode(data))
	}
	return p
}

// BenchmarkPullFill sends every series to a new exporter for the first time, and reports how much heap is held then: by
// the exporter, and by what it keeps of batches that nobody else holds any more.
func BenchmarkPullFill(b *testing.B) {
	for _, series := range sizes(10_000, 100_000) {
		input := encode(batches(series, numbers))
		runPull(b, ofSize(series), func(b *testing.B, impl pullImpl) {
			b.Helper()
			fillPull(b, impl, input)
		})
	}
}

func fillPull(b *testing.B, impl pullImpl, input [][]byte) {
	b.Helper()
	series := len(input) * pointsPerBatch
	var held int64
	m := newMeter(b)
	for b.Loop() {
		m.stop()
		p, before := impl.start(b), liveHeap()
		for _, data := range input {
			md := decode(data)
			m.start()
			p.add(b, md)
			m.stop()
		}
		held += liveHeap() - before
		p.stop()
		m.start()
	}
	m.report(series, "point")
	b.ReportMetric(float64(held)/float64(b.N)/float64(series), "heap-B/series")
}

func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkPullScrape gets pages by HTTP. One batch of new values comes between two scrapes, with the meter stopped, so
// that no page is like the one before. In OpenMetrics ours has a line more for each counter, its _created. There is no case
// of zstd, for contrib has none.
func BenchmarkPullScrape(b *testing.B) {
	for _, f := range formats {
		for _, series := range sizes(1_000, 10_000, 100_000) {
			benchmarkScrape(b, f.name+","+ofSize(series), f, series, numbers)
		}
	}
	benchmarkScrape(b, text.name+",histograms=1000", text, 1_000, histograms)
}

func benchmarkScrape(b *testing.B, name string, f format, points int, s shape) {
	b.Helper()
	input := batches(points, s)
	series := seriesOnPage(points, s)
	runPull(b, name, func(b *testing.B, impl pullImpl) {
		b.Helper()
		p := impl.start(b)
		p.add(b, input...)
		client := newScraper(b, p, f)
		page := client.scrape(b)
		if f.name == text.name {
			require.Equal(b, series, samplesOf(page))
		}
		i := 0
		m := newMeter(b)
		for b.Loop() {
			md := input[i%len(input)]
			i++
			m.untimed(func() { advance(md, i); p.add(b, md) })
			page = client.scrape(b)
		}
		m.report(series, "series")
		b.ReportMetric(float64(len(page))/float64(series), "page-B/series")
	})
}

// samplesOf counts the sample lines of a text page.
func samplesOf(page []byte) int {
	n := 0
	for line := range bytes.Lines(page) {
		if line[0] != '#' {
			n++
		}
	}
	return n
}

func runPull(b *testing.B, name string, run func(*testing.B, pullImpl)) {
	b.Helper()
	b.Run(name, func(b *testing.B) {
		for _, impl := range pullImpls {
			b.Run("impl="+impl.name, func(b *testing.B) { run(b, impl) })
		}
	})
}
