package overseer

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/sluice-metrics/sluice/internal/ledger"
)

// hoarder is a holder that takes all and passes nothing on by itself.
type hoarder struct {
	component.StartFunc
	consumertest.Consumer
	next   consumer.Metrics
	memory atomic.Int64
	stored atomic.Int64
	stop   component.ShutdownFunc
	mutant bool
}

func (h *hoarder) ConsumeMetrics(_ context.Context, md pmetric.Metrics) error {
	h.memory.Add(int64(md.DataPointCount()))
	return nil
}

func (h *hoarder) Shutdown(ctx context.Context) error { return h.stop.Shutdown(ctx) }

func (h *hoarder) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: h.mutant}
}

func (h *hoarder) Holding() ledger.Holding {
	return ledger.Holding{Memory: h.memory.Load(), Stored: h.stored.Load()}
}

// spill is a stop that stores what memory holds.
func (h *hoarder) spill(context.Context) error {
	h.stored.Add(h.memory.Swap(0))
	return nil
}

func (h *hoarder) before(t *testing.T, o *Overseer, next consumer.Metrics) processor.Metrics {
	t.Helper()
	typ := component.MustNewType("hoarder")
	f := o.processorFactory(processor.NewFactory(typ, nopConfig, processor.WithMetrics(
		func(_ context.Context, _ processor.Settings, _ component.Config, next consumer.Metrics) (processor.Metrics, error) {
			h.next = next
			return h, nil
		}, component.StabilityLevelAlpha)))
	p, err := f.CreateMetrics(t.Context(), processortest.NewNopSettings(typ), nopConfig(), next)
	require.NoError(t, err)
	return p
}

func (o *Overseer) processorLine(t *testing.T) map[string]int64 {
	t.Helper()
	b := o.ledger.Books()
	require.Len(t, b.Processors, 1)
	p := b.Processors[0]
	return map[string]int64{
		"taken": o.value(p.Taken), "removed": o.value(p.Removed), "stored": o.value(p.Stored), "lost": o.value(p.Lost), "gave up": o.value(p.GaveUp),
	}
}

func TestHolderSaysWhatItHolds(t *testing.T) {
	type books = map[string]int64
	o := newOverseer(0)
	sink := &consumertest.MetricsSink{}
	k := &hoarder{}
	k.stop = k.spill
	p := k.before(t, o, sink)
	require.NoError(t, p.ConsumeMetrics(t.Context(), points(5)))
	assert.Equal(t, books{"taken": 5, "removed": 0, "stored": 0, "lost": 5, "gave up": 0}, o.processorLine(t))
	require.NoError(t, k.next.ConsumeMetrics(context.Background(), points(2)))
	k.memory.Add(-2)
	assert.Equal(t, books{"taken": 5, "removed": 0, "stored": 0, "lost": 3, "gave up": 0}, o.processorLine(t))
	require.NoError(t, p.Shutdown(t.Context()))
	k.stored.Add(100)
	assert.Equal(t, books{"taken": 5, "removed": 0, "stored": 3, "lost": 0, "gave up": 0}, o.processorLine(t), "as it was when it stopped")
	assert.Equal(t, 2, sink.DataPointCount())
}

func TestHolderThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOverseer(time.Second)
		k := &hoarder{stop: func(context.Context) error {
			time.Sleep(time.Minute)
			return nil
		}}
		k.stored.Store(7)
		p := k.before(t, o, consumertest.NewNop())
		require.NoError(t, p.ConsumeMetrics(t.Context(), points(12)))
		k.memory.Store(5)
		var hung *HungError
		require.ErrorAs(t, p.Shutdown(t.Context()), &hung)
		require.NoError(t, k.spill(t.Context()))
		assert.Equal(t, map[string]int64{"taken": 12, "removed": 0, "stored": 7, "lost": 5, "gave up": 5}, o.processorLine(t))
		time.Sleep(time.Minute)
	})
}

func TestPipelineMutates(t *testing.T) {
	o := newOverseer(0)
	tells := func(k *hoarder) bool { return k.next.(interface{ PipelineMutates() bool }).PipelineMutates() }
	last, mutant, first := &hoarder{}, &hoarder{mutant: true}, &hoarder{}
	p := last.before(t, o, consumertest.NewNop())
	p = mutant.before(t, o, p)
	assert.True(t, p.Capabilities().MutatesData)
	p = first.before(t, o, p)
	assert.False(t, p.Capabilities().MutatesData, "as it says itself")
	assert.Equal(t, []bool{true, false, false}, []bool{tells(first), tells(mutant), tells(last)})

	other := last.before(t, o, consumertest.NewNop())
	first.before(t, o, asksToo{other, other})
	assert.True(t, tells(first), "an answer that may be another's is none")
}

// asksToo is asked together with somebody else.
type asksToo struct {
	consumer.Metrics
	other consumer.Metrics
}

func (a asksToo) Capabilities() consumer.Capabilities {
	a.other.Capabilities()
	return a.Metrics.Capabilities()
}
