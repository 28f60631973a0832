package streamerprocessor_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/sluice-metrics/sluice/processor/streamerprocessor"
)

const benchPoints = 1000

// benchMetrics are gauges of ten points of eight attributes each.
func benchMetrics() pmetric.Metrics {
	md := pmetric.NewMetrics()
	metrics := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	for i := range benchPoints / 10 {
		m := metrics.AppendEmpty()
		m.SetName(fmt.Sprintf("metric_%d", i))
		points := m.SetEmptyGauge().DataPoints()
		for j := range 10 {
			p := points.AppendEmpty()
			p.SetDoubleValue(float64(j))
			for k := range 8 {
				p.Attributes().PutStr(fmt.Sprintf("label_%d", k), fmt.Sprintf("value_%d", j))
			}
		}
	}
	return md
}

// The rules change nothing after the first iteration, so that each iteration sees the same batch.
func BenchmarkStreamer(b *testing.B) {
	for name, list := range map[string][]any{
		"pass-through": nil,
		"2-rules": {
			map[string]any{"drop": []any{`metric.name == "go_threads"`, `datapoint.attributes["label_3"] == "nosuch"`}},
			map[string]any{"transform": []any{`set(datapoint.attributes["cluster"], "eu-1")`}},
		},
	} {
		b.Run(name, func(b *testing.B) {
			factory := streamerprocessor.NewFactory()
			cfg := factory.CreateDefaultConfig()
			require.NoError(b, confmap.NewFromStringMap(map[string]any{"rules": list}).Unmarshal(cfg))
			p, err := factory.CreateMetrics(b.Context(), processortest.NewNopSettings(factory.Type()), cfg, consumertest.NewNop())
			require.NoError(b, err)
			md := benchMetrics()
			b.ReportAllocs()
			for b.Loop() {
				if err := p.ConsumeMetrics(b.Context(), md); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchPoints, "ns/point")
		})
	}
}
