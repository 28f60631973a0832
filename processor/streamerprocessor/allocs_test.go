//go:build !race

package streamerprocessor

// The race detector drops from pools at random, so that their users allocate.

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/sluice-metrics/sluice/internal/rules/rulestest"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadata"
)

// What no rule changes costs no memory, and is passed on itself. That is the processor's own part; processorhelper adds
// what it adds to any processor: five allocations per batch in v0.159.0, for the options of its own counters and span.
func TestBatchThatNothingChangesIsPassedOnWithoutAllocations(t *testing.T) {
	for name, mark := range map[string]func(pmetric.Metrics){
		"read-only": func(md pmetric.Metrics) { md.MarkReadOnly() },
		"mutable":   func(pmetric.Metrics) {},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := createDefaultConfig().(*Config)
			cfg.Rules = quiet
			set := processortest.NewNopSettings(metadata.Type)
			s, err := newStreamer(set, cfg)
			require.NoError(t, err)
			md := rulestest.Metrics()
			mark(md)
			ctx := t.Context()
			var out pmetric.Metrics
			assert.Zero(t, testing.AllocsPerRun(100, func() { out, err = s.process(ctx, md) }))
			require.NoError(t, err)
			same := out == md
			assert.True(t, same, "a copy was made")

			p, err := NewFactory().CreateMetrics(ctx, set, cfg, consumertest.NewNop())
			require.NoError(t, err)
			bare, err := processorhelper.NewMetrics(ctx, set, cfg, consumertest.NewNop(),
				func(_ context.Context, md pmetric.Metrics) (pmetric.Metrics, error) { return md, nil })
			require.NoError(t, err)
			consume := func(p processor.Metrics) float64 {
				return testing.AllocsPerRun(100, func() { err = errors.Join(err, p.ConsumeMetrics(ctx, md)) })
			}
			assert.InDelta(t, consume(bare), consume(p), 0, "more than the helper by itself")
			require.NoError(t, err)
		})
	}
}
