package overseer

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/xconsumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/xprocessor"

	"github.com/sluice-metrics/sluice/internal/ledger"
)

func (o *Overseer) processorFactory(f processor.Factory) processor.Factory {
	w := processorFactory{f, o}
	if x, ok := f.(xprocessor.Factory); ok {
		return xProcessorFactory{w, x}
	}
	return w
}

type processorFactory struct {
	processor.Factory
	overseer *Overseer
}

func (f processorFactory) DeprecatedAlias() component.Type { return aliasOf(f.Factory) }

func (processorFactory) SetDeprecatedAlias(component.Type) {}

func (f processorFactory) CreateMetrics(
	ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics,
) (processor.Metrics, error) {
	id := set.ID.String()
	account := f.overseer.ledger.Processor(id)
	behind := &processorNext{next, f.overseer.ledger, account, unchanging[set.ID.Type().String()], f.overseer.enquiry.mutates(next)}
	inner, err := f.Factory.CreateMetrics(ctx, set, cfg, behind)
	if h, ok := inner.(ledger.Holder); ok {
		account.Holds(h)
	}
	return &countedProcessor{Metrics: inner, overseer: f.overseer, account: account, behind: behind, name: "processor " + id}, err
}

// unchanging are the types of processors that pass a batch on as it came. That a processor declares to mutate nothing does
// not say so: the streamer edits what nobody else sees.
var unchanging = map[string]bool{"memory_limiter": true}

// countedProcessor books what a processor takes and bounds its stop.
type countedProcessor struct {
	processor.Metrics
	stopper
	overseer *Overseer
	account  *ledger.Processor
	behind   *processorNext
	name     string
}

func (p *countedProcessor) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if !p.overseer.ledger.Counting() {
		return p.Metrics.ConsumeMetrics(ctx, md)
	}
	b := taking(ctx, md)
	ctx, v := visiting(ctx, p.account, b)
	p.account.Entered(b.points)
	err := p.Metrics.ConsumeMetrics(ctx, md)
	v.batch.Store(nil)
	p.account.Returned(&v.call, b.points, err)
	return err
}

func (p *countedProcessor) Shutdown(ctx context.Context) error {
	err := p.stop(ctx, p.name, p.overseer.limit(), p.Metrics.Shutdown, p.account.Settle)
	if p.hung.Load() {
		p.account.LeaveBehind()
	}
	return err
}

// processorNext books what a processor passes on.
type processorNext struct {
	consumer.Metrics
	ledger    *ledger.Ledger
	account   *ledger.Processor
	unchanged bool
	mutates   bool // it, or what is behind it
}

func (n *processorNext) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if !n.ledger.Counting() {
		return n.Metrics.ConsumeMetrics(ctx, md)
	}
	v := visitOf(ctx, n.account)
	b := v.leaving(md, n.unchanged)
	ctx, h := handing(ctx, b)
	err := n.Metrics.ConsumeMetrics(ctx, md)
	h.over()
	n.account.Passed(v.ledgerCall(), b.points, err)
	return err
}

type xProcessorFactory struct {
	processorFactory
	x xprocessor.Factory
}

func (f xProcessorFactory) CreateProfiles(
	ctx context.Context, set processor.Settings, cfg component.Config, next xconsumer.Profiles,
) (xprocessor.Profiles, error) {
	return f.x.CreateProfiles(ctx, set, cfg, next)
}

func (f xProcessorFactory) ProfilesStability() component.StabilityLevel {
	return f.x.ProfilesStability()
}
