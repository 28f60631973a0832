package overseer

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
)

type through struct {
	component.StartFunc
	component.ShutdownFunc
	consumer.Metrics
}

// chain is so many processors that do nothing, and last behind them.
func chain(tb testing.TB, o *Overseer, processors int, last consumer.Metrics) consumer.Metrics {
	tb.Helper()
	typ := component.MustNewType("through")
	f := o.processorFactory(processor.NewFactory(typ, nopConfig, processor.WithMetrics(
		func(_ context.Context, _ processor.Settings, _ component.Config, next consumer.Metrics) (processor.Metrics, error) {
			return through{Metrics: next}, nil
		}, component.StabilityLevelAlpha)))
	next := last
	for range processors {
		p, err := f.CreateMetrics(context.Background(), processortest.NewNopSettings(typ), nopConfig(), next)
		require.NoError(tb, err)
		next = p
	}
	return next
}

// families has n points, perMetric of them in each metric.
func families(n, perMetric int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	ms := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	for range n / perMetric {
		dps := ms.AppendEmpty().SetEmptyGauge().DataPoints()
		for range perMetric {
			dps.AppendEmpty()
		}
	}
	return md
}

// BenchmarkOverhead is what a batch of 1,000 points costs in the wrappers of two processors.
func BenchmarkOverhead(b *testing.B) {
	for name, perMetric := range map[string]int{"a point a metric": 1, "a hundred points a metric": 100} {
		b.Run(name, func(b *testing.B) {
			next := chain(b, newOverseer(0), 2, consumertest.NewNop())
			md := families(1000, perMetric)
			b.ReportAllocs()
			for b.Loop() {
				_ = next.ConsumeMetrics(b.Context(), md)
			}
		})
	}
}

func TestWrappersCostTheSameForAnyBatch(t *testing.T) {
	md := families(1000, 10)
	for _, processors := range []int{0, 1, 3} {
		next := chain(t, newOverseer(0), processors, consumertest.NewNop())
		ctx := t.Context()
		allocs := testing.AllocsPerRun(100, func() { _ = next.ConsumeMetrics(ctx, md) })
		require.LessOrEqual(t, allocs, float64(1+3*processors), "for each processor a visit, a context to hand on and a count")
	}
}
