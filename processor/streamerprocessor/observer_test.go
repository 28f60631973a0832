package streamerprocessor

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/sluice-metrics/sluice/extension/observerextension"
	"github.com/sluice-metrics/sluice/internal/rules/rulestest"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadata"
)

var observerID = component.MustNewID("observer")

// hostWith has one extension.
type hostWith struct {
	component.Host
	extension component.Component
}

func (h hostWith) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{observerID: h.extension}
}

// told is an observer that takes note of names.
type told struct {
	mu    sync.Mutex
	names map[string]int
}

func (o *told) OnMetricUpdated(_ context.Context, metric observerextension.Metric, _, _ observerextension.Sample) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.names[metric.Name]++
	return nil
}

// The observer is told of what the rules let through, as they leave it, and of nothing else; and the batch is passed on as it
// would have been without one.
func TestObserverIsToldOfWhatPasses(t *testing.T) {
	factory := observerextension.NewFactory()
	ext, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), factory.CreateDefaultConfig())
	require.NoError(t, err)
	require.NoError(t, ext.Start(t.Context(), componenttest.NewNopHost()))
	o := &told{names: map[string]int{}}
	_, err = ext.(observerextension.Subject).Subscribe(o, observerextension.WithKinds(observerextension.Created))
	require.NoError(t, err)

	cfg := createDefaultConfig().(*Config)
	cfg.Observer = &observerID
	cfg.Rules = []RuleConfig{
		{Drop: []string{`metric.name == "gone"`}},
		{Transform: []string{`set(metric.name, "new") where metric.name == "old"`}},
	}
	sink := &consumertest.MetricsSink{}
	p, err := NewFactory().CreateMetrics(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	assert.False(t, p.Capabilities().MutatesData)
	require.NoError(t, p.Start(t.Context(), hostWith{componenttest.NewNopHost(), ext}))

	md := pmetric.NewMetrics()
	ms := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	for _, name := range []string{"gone", "old", "same"} {
		m := ms.AppendEmpty()
		m.SetName(name)
		m.SetEmptyGauge().DataPoints().AppendEmpty().SetTimestamp(1)
	}
	md.MarkReadOnly()
	require.NoError(t, p.ConsumeMetrics(t.Context(), md))
	same := rulestest.Metrics()
	same.MarkReadOnly()
	require.NoError(t, p.ConsumeMetrics(t.Context(), same))
	assert.Equal(t, same, sink.AllMetrics()[1], "nothing is copied for the observer")
	require.NoError(t, p.Shutdown(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, ext.Shutdown(ctx))
	assert.Equal(t, []int{1, 1, 0, 0}, []int{o.names["new"], o.names["same"], o.names["old"], o.names["gone"]})
}

func TestObserverThatIsMissing(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	other := component.MustNewID("other")
	cfg.Observer = &other
	p, err := NewFactory().CreateMetrics(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.EqualError(t, p.Start(t.Context(), componenttest.NewNopHost()), `observer: extension "other" is not configured, or not listed in service::extensions`)
	require.NoError(t, p.Shutdown(t.Context()))
}
