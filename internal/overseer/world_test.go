package overseer

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/sluice-metrics/sluice/internal/ledger"
)

func newOverseer(limit time.Duration) *Overseer {
	l := &ledger.Ledger{}
	l.Count(true)
	return New(l, func() time.Duration { return limit })
}

func points(n int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	dps := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge().DataPoints()
	for i := range n {
		dps.AppendEmpty().SetIntValue(int64(i))
	}
	return md
}

// hand is a receiver that the test moves.
type hand struct {
	component.StartFunc
	stop component.ShutdownFunc
	next consumer.Metrics
}

func (h *hand) Shutdown(ctx context.Context) error { return h.stop.Shutdown(ctx) }

var handType = component.MustNewType("hand")

// newHand is a wrapped receiver in front of next.
func newHand(t *testing.T, o *Overseer, next consumer.Metrics, stop component.ShutdownFunc) (*hand, receiver.Metrics) {
	t.Helper()
	h := &hand{stop: stop}
	f := o.receiverFactory(receiver.NewFactory(handType, nopConfig, receiver.WithMetrics(
		func(_ context.Context, _ receiver.Settings, _ component.Config, next consumer.Metrics) (receiver.Metrics, error) {
			h.next = next
			return h, nil
		}, component.StabilityLevelAlpha)))
	wrapped, err := f.CreateMetrics(t.Context(), receivertest.NewNopSettings(handType), nopConfig(), next)
	require.NoError(t, err)
	return h, wrapped
}

func nopConfig() component.Config { return &struct{}{} }

// end is a wrapped exporter that does as create says.
func end(t *testing.T, o *Overseer, create exporter.CreateMetricsFunc) exporter.Metrics {
	t.Helper()
	typ := component.MustNewType("end")
	f := o.exporterFactory(exporter.NewFactory(typ, nopConfig, exporter.WithMetrics(create, component.StabilityLevelAlpha)))
	e, err := f.CreateMetrics(t.Context(), exportertest.NewNopSettings(typ), nopConfig())
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	return e
}

// pusher is what an exporter of exporterhelper sends to; it counts what it confirms.
type pusher struct {
	next      func() error
	confirmed atomic.Int64
}

func (p *pusher) push(_ context.Context, md pmetric.Metrics) error {
	if err := p.next(); err != nil {
		return err
	}
	p.confirmed.Add(int64(md.DataPointCount()))
	return nil
}

func (o *Overseer) value(c ledger.Count) int64 {
	n, known := c.Value()
	if !known {
		return -1 << 40
	}
	return n
}
