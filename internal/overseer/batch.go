package overseer

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/ledger"
)

// batch is metrics whose points have been counted: a walk over all of them, which what comes next need not repeat.
type batch struct {
	md     pmetric.Metrics
	points int
}

func counted(md pmetric.Metrics) *batch { return &batch{md, md.DataPointCount()} }

// handed is the context in which a component hands a batch to the next one. The batch is let go when the call returns:
// queues keep contexts, and would keep it in memory.
type handed struct {
	context.Context //nolint:containedctx // it is one
	batch           atomic.Pointer[batch]
}

type handedKey struct{}

func (h *handed) Value(key any) any {
	if _, ok := key.(handedKey); ok {
		return h
	}
	return h.Context.Value(key)
}

func handing(ctx context.Context, b *batch) (within context.Context, h *handed) {
	h = &handed{Context: ctx}
	h.batch.Store(b)
	return h, h
}

func (h *handed) over() { h.batch.Store(nil) }

// taking is md with its points, which are those that were handed over unless somebody between, such as a fan-out, made a
// copy.
func taking(ctx context.Context, md pmetric.Metrics) *batch {
	if h, ok := ctx.Value(handedKey{}).(*handed); ok {
		if b := h.batch.Load(); b != nil && b.md == md {
			return b
		}
	}
	return counted(md)
}

// visit is the context of a processor's call: what it passes on with it belongs to that call.
type visit struct {
	context.Context //nolint:containedctx // it is one
	account         *ledger.Processor
	call            ledger.Call
	batch           atomic.Pointer[batch]
}

// visitKey finds the visit to the processor with this account.
type visitKey struct{ of *ledger.Processor }

func (v *visit) Value(key any) any {
	if k, ok := key.(visitKey); ok && k.of == v.account {
		return v
	}
	return v.Context.Value(key)
}

func visiting(ctx context.Context, account *ledger.Processor, b *batch) (within context.Context, v *visit) {
	v = &visit{Context: ctx, account: account}
	v.batch.Store(b)
	return v, v
}

func visitOf(ctx context.Context, account *ledger.Processor) *visit {
	v, _ := ctx.Value(visitKey{account}).(*visit)
	return v
}

// leaving is md with its points, which are those that came if nothing can have been done to them. A nil visit is none.
func (v *visit) leaving(md pmetric.Metrics, unchanged bool) *batch {
	if v != nil {
		if b := v.batch.Load(); b != nil && b.md == md && (unchanged || md.IsReadOnly()) {
			return b
		}
	}
	return counted(md)
}

// ledgerCall is what the ledger knows the visit by.
func (v *visit) ledgerCall() *ledger.Call {
	if v == nil {
		return nil
	}
	return &v.call
}
