package overseer

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"

	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter"
)

// TestPullTellsWhatItDoesNotServe sends the pull exporter a sum that is monotonic and negative.
func TestPullTellsWhatItDoesNotServe(t *testing.T) {
	o := newOverseer(0)
	f := o.exporterFactory(prometheuspullexporter.NewFactory())
	cfg := f.CreateDefaultConfig().(*prometheuspullexporter.Config)
	cfg.ServerConfig.NetAddr.Endpoint = "localhost:0"
	set := exportertest.NewNopSettings(f.Type())
	set.ID = component.NewID(f.Type())
	e, err := f.CreateMetrics(t.Context(), set, cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	md := points(3)
	ms := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	ms.At(0).SetName("good")
	for i, dp := range ms.At(0).Gauge().DataPoints().All() {
		dp.Attributes().PutInt("n", int64(i))
	}
	bad := ms.AppendEmpty()
	bad.SetName("bad")
	sum := bad.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(2)
	sum.DataPoints().AppendEmpty().SetIntValue(-1)
	require.NoError(t, e.ConsumeMetrics(t.Context(), md))
	b := o.ledger.Books()
	assert.EqualValues(t, 3, o.value(b.Delivered))
	assert.EqualValues(t, 1, o.value(b.Removed))
	assert.Zero(t, o.value(b.Lost))
	require.NoError(t, e.Shutdown(context.Background()))
}
