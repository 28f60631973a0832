package inprocess

import (
	"testing"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// BenchmarkStreamer feeds 1,000 series again and again.
func BenchmarkStreamer(b *testing.B) {
	from := encode(batches(pointsPerBatch, mixed))
	for _, c := range streamerCases {
		benchmarkStreamer(b, c.name, c, from, nil)
	}
}

// BenchmarkStreamerSeries takes the usual pair over more and more series, and with new ones among them, for what is
// remembered of a series costs more the more of them there are and the less often they come again.
func BenchmarkStreamerSeries(b *testing.B) {
	for _, series := range sizes(1_000, 10_000, 100_000) {
		from := encode(batches(series, mixed))
		benchmarkStreamer(b, ofSize(series), filterAndTransform, from, nil)
		if series == 10_000 {
			benchmarkStreamer(b, ofSize(series)+",churn=10%", filterAndTransform, from, churn)
		}
	}
}

func benchmarkStreamer(b *testing.B, name string, c streamerCase, from [][]byte, edit func(pmetric.Metrics, int)) {
	b.Helper()
	runStreamer(b, name, func(b *testing.B, impl streamerImpl) {
		b.Helper()
		to, f := impl.make(b, c, consumertest.NewNop()), &feed{from: from, edit: edit}
		m := newMeter(b)
		for b.Loop() {
			consume(b, to, f.next(m))
		}
		m.report(pointsPerBatch, "point")
	})
}

// BenchmarkStreamerShared feeds a read-only batch, as it comes from a receiver that several pipelines share. A consumer
// that declares to mutate is given a clone by the fan-out, here as there at its own expense.
func BenchmarkStreamerShared(b *testing.B) {
	md := batches(pointsPerBatch, mixed)[0]
	md.MarkReadOnly()
	for _, c := range []streamerCase{streamerCases[0], filterAndTransform} {
		runStreamer(b, c.name, func(b *testing.B, impl streamerImpl) {
			b.Helper()
			to := impl.make(b, c, consumertest.NewNop())
			m := newMeter(b)
			for b.Loop() {
				if to.Capabilities().MutatesData {
					consume(b, to, clone(md))
				} else {
					consume(b, to, md)
				}
			}
			m.report(pointsPerBatch, "point")
		})
	}
}

func consume(b *testing.B, to consumer.Metrics, md pmetric.Metrics) {
	b.Helper()
	if err := to.ConsumeMetrics(b.Context(), md); err != nil {
		b.Fatal(err)
	}
}

func runStreamer(b *testing.B, name string, run func(*testing.B, streamerImpl)) {
	b.Helper()
	b.Run(name, func(b *testing.B) {
		for _, impl := range streamerImpls {
			b.Run("impl="+impl.name, func(b *testing.B) { run(b, impl) })
		}
	})
}
