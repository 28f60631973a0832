package streamerprocessor

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/xpdata/pref"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"

	"github.com/sluice-metrics/sluice/internal/rules/rulestest"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadata"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadatatest"
)

func create(t *testing.T, set processor.Settings, sink *consumertest.MetricsSink, list ...RuleConfig) processor.Metrics {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.Rules = list
	p, err := NewFactory().CreateMetrics(t.Context(), set, cfg, sink)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() {
		assert.NoError(t, p.Shutdown(context.WithoutCancel(t.Context())))
		assert.NoError(t, p.Shutdown(context.WithoutCancel(t.Context())), "the second time")
	})
	return p
}

func newTelemetry(t *testing.T) *componenttest.Telemetry {
	t.Helper()
	tel := componenttest.NewTelemetry()
	t.Cleanup(func() { assert.NoError(t, tel.Shutdown(context.WithoutCancel(t.Context()))) })
	return tel
}

func TestVerifyShutdown(t *testing.T) {
	processortest.VerifyShutdown(t, NewFactory(), createDefaultConfig())
}

func TestPassThroughMutatesNothing(t *testing.T) {
	sink := &consumertest.MetricsSink{}
	p := create(t, processortest.NewNopSettings(metadata.Type), sink)
	assert.False(t, p.Capabilities().MutatesData)

	md := rulestest.Metrics()
	md.MarkReadOnly()
	require.NoError(t, p.ConsumeMetrics(t.Context(), md))
	assert.Equal(t, []pmetric.Metrics{md}, sink.AllMetrics())
}

// What is shared is copied by the rules themselves, and only if they change it.
func TestRulesAreDeclaredNotToMutate(t *testing.T) {
	sink := &consumertest.MetricsSink{}
	p := create(t, processortest.NewNopSettings(metadata.Type), sink, RuleConfig{Drop: []string{`metric.name == "go_threads"`}})
	assert.False(t, p.Capabilities().MutatesData)

	shared := rulestest.Metrics()
	shared.MarkReadOnly()
	require.NoError(t, p.ConsumeMetrics(t.Context(), shared))
	require.Len(t, sink.AllMetrics(), 1)
	assert.Equal(t, rulestest.Metrics().DataPointCount(), shared.DataPointCount())
	assert.Less(t, sink.AllMetrics()[0].DataPointCount(), shared.DataPointCount())
	assert.True(t, sink.AllMetrics()[0].IsReadOnly())
}

func TestEmptiedBatchIsNotSent(t *testing.T) {
	sink := &consumertest.MetricsSink{}
	p := create(t, processortest.NewNopSettings(metadata.Type), sink, RuleConfig{Keep: []string{`metric.name == "nosuch"`}})
	require.NoError(t, p.ConsumeMetrics(t.Context(), rulestest.Metrics()))
	assert.Empty(t, sink.AllMetrics())

	require.NoError(t, p.ConsumeMetrics(t.Context(), pmetric.NewMetrics()))
	assert.Len(t, sink.AllMetrics(), 1, "a batch that came in empty is none of the rules' business")
}

func TestDownstreamErrorGoesUp(t *testing.T) {
	refused := errors.New("refused")
	cfg := createDefaultConfig().(*Config)
	cfg.Rules = []RuleConfig{{Drop: []string{`metric.name == "go_threads"`}}}
	p, err := NewFactory().CreateMetrics(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewErr(refused))
	require.NoError(t, err)
	require.ErrorIs(t, p.ConsumeMetrics(t.Context(), rulestest.Metrics()), refused)
}

func countPoints(md pmetric.Metrics, holds func(rulestest.Point) bool) int64 {
	n := int64(0)
	for _, p := range rulestest.Points(md) {
		if holds(p) {
			n++
		}
	}
	return n
}

func countMetrics(md pmetric.Metrics, holds func(name string) bool) int64 {
	n := int64(0)
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if holds(m.Name()) {
					n++
				}
			}
		}
	}
	return n
}

func TestSelfMetricsAndLogs(t *testing.T) {
	tel := newTelemetry(t)
	core, logs := observer.New(zap.WarnLevel)
	set := metadatatest.NewSettings(tel)
	set.ID = component.MustNewIDWithName("streamer", "a")
	set.Logger = zap.New(core)
	sink := &consumertest.MetricsSink{}
	p := create(t, set, sink,
		RuleConfig{Name: "no-dev", Drop: []string{`datapoint.attributes["env"] == "dev"`}},
		RuleConfig{Transform: []string{`set(metric.description, Substring(metric.name, 0, 99)) where metric.name == "go_threads"`}},
		RuleConfig{Name: "quiet", Transform: []string{`set(metric.description, Substring(metric.name, 0, 99))`}, ErrorMode: ottl.SilentError},
	)
	in := rulestest.Metrics()
	dev := countPoints(in, func(p rulestest.Point) bool {
		env, ok := p.Attributes.Get("env")
		return ok && env.Str() == "dev"
	})
	require.NoError(t, p.ConsumeMetrics(t.Context(), rulestest.Clone(in)))

	require.Len(t, sink.AllMetrics(), 1)
	out := sink.AllMetrics()[0]
	assert.Equal(t, in.DataPointCount(), out.DataPointCount()+int(dev))
	isThreads := func(name string) bool { return name == "go_threads" }
	threads := countPoints(out, func(p rulestest.Point) bool { return isThreads(p.Metric.Name()) })
	failed := countMetrics(out, isThreads)
	require.Positive(t, failed)

	point := func(rule string, v int64) metricdata.DataPoint[int64] {
		return metricdata.DataPoint[int64]{
			Attributes: attribute.NewSet(attribute.String("processor", "streamer/a"), attribute.String("rule", rule)),
			Value:      v,
		}
	}
	ignore := metricdatatest.IgnoreTimestamp()
	metadatatest.AssertEqualStreamerRuleMatched(t, tel, []metricdata.DataPoint[int64]{
		point("no-dev", dev), point("rules[1]", threads), point("quiet", int64(out.DataPointCount())),
	}, ignore)
	metadatatest.AssertEqualStreamerRuleDropped(t, tel, []metricdata.DataPoint[int64]{
		point("no-dev", dev), point("rules[1]", 0), point("quiet", 0),
	}, ignore)
	metadatatest.AssertEqualStreamerRuleErrors(t, tel, []metricdata.DataPoint[int64]{
		point("no-dev", 0), point("rules[1]", failed), point("quiet", int64(out.MetricCount())),
	}, ignore)

	require.Equal(t, 1, logs.Len(), "one line for the rule and batch, none for the silent rule")
	assert.Equal(t, "rules[1]", logs.All()[0].ContextMap()["rule"])
	assert.Equal(t, failed, logs.All()[0].ContextMap()["errors"])
}

func TestPropagatedErrorRefusesTheBatch(t *testing.T) {
	tel := newTelemetry(t)
	sink := &consumertest.MetricsSink{}
	p := create(t, metadatatest.NewSettings(tel), sink,
		RuleConfig{Name: "first", Drop: []string{`datapoint.attributes["env"] == "dev"`}},
		RuleConfig{Name: "loud", Drop: []string{`Substring(metric.name, 0, 99) == "a"`}, ErrorMode: ottl.PropagateError})

	require.ErrorContains(t, p.ConsumeMetrics(t.Context(), rulestest.Metrics()), `rule "loud": Substring(metric.name, 0, 99) == "a": `)
	assert.Empty(t, sink.AllMetrics())
	nothing := []metricdata.DataPoint[int64]{
		{Attributes: attribute.NewSet(attribute.String("processor", "streamer"), attribute.String("rule", "first"))},
		{Attributes: attribute.NewSet(attribute.String("processor", "streamer"), attribute.String("rule", "loud"))},
	}
	metadatatest.AssertEqualStreamerRuleDropped(t, tel, nothing, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualStreamerRuleErrors(t, tel, []metricdata.DataPoint[int64]{
		{Attributes: attribute.NewSet(attribute.String("processor", "streamer"), attribute.String("rule", "first"))},
		{Attributes: attribute.NewSet(attribute.String("processor", "streamer"), attribute.String("rule", "loud")), Value: 1},
	}, metricdatatest.IgnoreTimestamp())
}

// While pdata pools, whoever first gets what nobody owns gives it back when it is done, also if others still have it.
func TestCopyIsNobodysToGiveBack(t *testing.T) {
	sink := &consumertest.MetricsSink{}
	p := create(t, processortest.NewNopSettings(metadata.Type), sink, RuleConfig{Drop: []string{`metric.name == "go_threads"`}})
	shared := rulestest.Metrics()
	shared.MarkReadOnly()
	require.NoError(t, p.ConsumeMetrics(t.Context(), shared))
	require.Len(t, sink.AllMetrics(), 1)
	assert.False(t, pref.MarkPipelineOwnedMetrics(sink.AllMetrics()[0]))
	assert.True(t, pref.MarkPipelineOwnedMetrics(shared), "what is shared is its sender's")
}
