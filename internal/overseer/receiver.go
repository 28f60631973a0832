package overseer

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/xconsumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/xreceiver"

	"github.com/sluice-metrics/sluice/internal/ledger"
)

var errLeftBehind = errors.New("the receiver did not stop in time: what comes behind it has stopped")

func (o *Overseer) receiverFactory(f receiver.Factory) receiver.Factory {
	w := receiverFactory{f, o}
	if x, ok := f.(xreceiver.Factory); ok {
		return xReceiverFactory{w, x}
	}
	return w
}

type receiverFactory struct {
	receiver.Factory
	overseer *Overseer
}

func (f receiverFactory) DeprecatedAlias() component.Type { return aliasOf(f.Factory) }

func (receiverFactory) SetDeprecatedAlias(component.Type) {}

func (f receiverFactory) CreateMetrics(
	ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics,
) (receiver.Metrics, error) {
	r := f.overseer.newReceiverStop(set.ID)
	inner, err := f.Factory.CreateMetrics(ctx, set, cfg, &receiverNext{next, f.overseer.ledger, f.overseer.ledger.Receiver(set.ID.String()), r})
	r.Metrics = inner
	return r, err
}

// receiverStop bounds a receiver's stop.
type receiverStop struct {
	receiver.Metrics // or of another signal: it is the same interface
	stopper
	overseer *Overseer
	name     string
	// another tells that the receiver of this ID has not stopped for another signal. It may be the same inside, and then
	// nobody needs to wait for it twice.
	another *atomic.Bool
}

func (o *Overseer) newReceiverStop(id component.ID) *receiverStop {
	o.mu.Lock()
	defer o.mu.Unlock()
	another := o.hung[id]
	if another == nil {
		another = &atomic.Bool{}
		o.hung[id] = another
	}
	return &receiverStop{overseer: o, name: "receiver " + id.String(), another: another}
}

func (r *receiverStop) Shutdown(ctx context.Context) error {
	limit := r.overseer.limit()
	if r.another.Load() {
		limit = lastChance
	}
	err := r.stop(ctx, r.name, limit, r.Metrics.Shutdown, func() {})
	if r.hung.Load() {
		r.another.Store(true)
	}
	return err
}

// receiverNext books what a receiver hands to its pipelines. A receiver that was left behind is refused: the pipelines
// have stopped, and would take what nobody delivers.
type receiverNext struct {
	consumer.Metrics
	ledger  *ledger.Ledger
	account *ledger.Receiver
	stop    *receiverStop
}

func (n *receiverNext) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if n.stop.hung.Load() {
		return errLeftBehind
	}
	if !n.ledger.Counting() {
		return n.Metrics.ConsumeMetrics(ctx, md)
	}
	b := counted(md)
	ctx, h := handing(ctx, b)
	err := n.Metrics.ConsumeMetrics(ctx, md)
	h.over()
	n.account.Passed(b.points, err)
	return err
}

type xReceiverFactory struct {
	receiverFactory
	x xreceiver.Factory
}

func (f xReceiverFactory) CreateProfiles(
	ctx context.Context, set receiver.Settings, cfg component.Config, next xconsumer.Profiles,
) (xreceiver.Profiles, error) {
	return f.x.CreateProfiles(ctx, set, cfg, next)
}

func (f xReceiverFactory) ProfilesStability() component.StabilityLevel {
	return f.x.ProfilesStability()
}
