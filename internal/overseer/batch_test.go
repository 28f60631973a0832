package overseer

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/ledger"
)

func TestHandedBatchesAreNotCountedAgain(t *testing.T) {
	md := points(3)
	b := counted(md)
	_, h := handing(t.Context(), b)
	assert.Same(t, b, taking(h, md))
	type userKey struct{}
	assert.Same(t, b, taking(context.WithValue(h, userKey{}, 1), md), "spans and the like are put around it")
	other := points(4)
	assert.Equal(t, 4, taking(h, other).points, "a copy is another batch")
	h.over()
	assert.NotSame(t, b, taking(h, md), "the call is over")
	assert.Equal(t, 3, taking(context.Background(), md).points)
}

func TestLeavingBatchesAreCountedWhereTheyMayHaveChanged(t *testing.T) {
	account := (&ledger.Ledger{}).Processor("p")
	md := points(3)
	b := counted(md)
	ctx, v := visiting(t.Context(), account, b)
	ctx, _ = handing(ctx, b)
	require.Same(t, v, visitOf(ctx, account), "seen through what is put around it")
	assert.Nil(t, visitOf(v, (&ledger.Ledger{}).Processor("other")))
	assert.Same(t, b, v.leaving(md, true))
	assert.NotSame(t, b, v.leaving(md, false))
	md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptySum().DataPoints().AppendEmpty()
	assert.Equal(t, 4, v.leaving(md, false).points, "edited")
	md.MarkReadOnly()
	assert.Same(t, b, v.leaving(md, false), "what is read-only is what came")
	var none *visit
	assert.Equal(t, 4, none.leaving(md, true).points)
	assert.Nil(t, none.ledgerCall())
}

// keeper keeps contexts, as queues do.
type keeper struct{ kept []context.Context }

func (*keeper) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (k *keeper) ConsumeMetrics(ctx context.Context, _ pmetric.Metrics) error {
	k.kept = append(k.kept, context.WithoutCancel(ctx))
	return nil
}

func TestKeptContextsKeepNoBatches(t *testing.T) {
	k := &keeper{}
	next := chain(t, newOverseer(0), 2, k)
	require.NoError(t, next.ConsumeMetrics(t.Context(), points(3)))
	require.Len(t, k.kept, 1)
	for _, ctx := range k.kept {
		h := ctx.Value(handedKey{}).(*handed)
		assert.Nil(t, h.batch.Load())
		for v, ok := h.Context.(*visit); ok; {
			assert.Nil(t, v.batch.Load())
			h, ok = v.Context.(*handed)
			if ok {
				assert.Nil(t, h.batch.Load())
				v, ok = h.Context.(*visit)
			}
		}
	}
}
