package streamerprocessor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"

	"github.com/sluice-metrics/sluice/internal/rules"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadata"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadatatest"
)

// A batch that is traced has a span of its own, with what each rule did; one that is not has none.
func TestTracedBatchesHaveASpan(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	set := processortest.NewNopSettings(metadata.Type)
	set.TracerProvider = provider
	p := create(t, set, &consumertest.MetricsSink{},
		RuleConfig{Name: "none", Drop: []string{`metric.name == "nosuch"`}},
		RuleConfig{Name: "some", Drop: []string{`datapoint.value_int == 1`}},
		RuleConfig{Name: "edit", Transform: []string{`set(datapoint.attributes["a"], 1)`}},
	)
	require.NoError(t, p.ConsumeMetrics(t.Context(), gaugeOf(3)))
	require.Empty(t, recorder.Ended())

	ctx, parent := provider.Tracer("t").Start(t.Context(), "parent")
	require.NoError(t, p.ConsumeMetrics(ctx, gaugeOf(3)))
	parent.End()
	require.Len(t, recorder.Ended(), 2)
	span := recorder.Ended()[0]
	assert.Equal(t, "streamer/rules", span.Name())
	assert.Equal(t, parent.SpanContext().SpanID(), span.Parent().SpanID())
	assert.Equal(t, []attribute.KeyValue{attribute.Int("streamer.rules", 3), attribute.Int("streamer.datapoints", 3)}, span.Attributes())
	require.Len(t, span.Events(), 2)
	counts := func(matched, dropped, changed int) []attribute.KeyValue {
		return []attribute.KeyValue{
			attribute.Int("matched", matched), attribute.Int("dropped", dropped), attribute.Int("changed", changed), attribute.Int("errors", 0),
		}
	}
	assert.Equal(t, "some", span.Events()[0].Name)
	assert.Equal(t, counts(1, 1, 0), span.Events()[0].Attributes)
	assert.Equal(t, "edit", span.Events()[1].Name)
	assert.Equal(t, counts(2, 0, 2), span.Events()[1].Attributes)
	assert.Equal(t, codes.Unset, span.Status().Code)
}

func TestSpanOfARefusedBatchSaysWhy(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	set := processortest.NewNopSettings(metadata.Type)
	set.TracerProvider = provider
	p := create(t, set, &consumertest.MetricsSink{},
		RuleConfig{Name: "loud", Drop: []string{`Substring(metric.name, 0, 99) == "a"`}, ErrorMode: ottl.PropagateError})
	ctx, parent := provider.Tracer("t").Start(t.Context(), "parent")
	require.Error(t, p.ConsumeMetrics(ctx, gaugeOf(3)))
	parent.End()
	require.Len(t, recorder.Ended(), 2)
	assert.Equal(t, codes.Error, recorder.Ended()[0].Status().Code)
	assert.Contains(t, recorder.Ended()[0].Status().Description, `rule "loud"`)
}

// Each kind of rule counts what it changes, and the memo what it knows.
func TestCountersOfEachKindOfRule(t *testing.T) {
	tel := newTelemetry(t)
	limit := 1.0
	p := create(t, metadatatest.NewSettings(tel), &consumertest.MetricsSink{},
		RuleConfig{Name: "transform", Transform: []string{`set(datapoint.attributes["a"], "x")`}},
		RuleConfig{Name: "relabel", Relabel: []RelabelConfig{{"source_labels": []any{"a"}, "target_label": "b"}}},
		RuleConfig{Name: "constrain", Constrain: &ConstrainConfig{Max: &limit, OnViolation: rules.ClampPoint}},
		RuleConfig{Name: "pasted", MetricConditions: []any{`datapoint.value_int == 0`}},
		RuleConfig{Name: "dry", DryRun: true, Drop: []string{`metric.name != ""`}},
	)
	for range 2 {
		require.NoError(t, p.ConsumeMetrics(t.Context(), gaugeOf(4)))
	}
	want := func(counts map[string]int64) []metricdata.DataPoint[int64] {
		var list []metricdata.DataPoint[int64]
		for _, rule := range []string{"transform", "relabel", "constrain", "pasted", "dry"} {
			list = append(list, metricdata.DataPoint[int64]{
				Attributes: attribute.NewSet(attribute.String("processor", "streamer"), attribute.String("rule", rule)), Value: counts[rule],
			})
		}
		return list
	}
	ignore := metricdatatest.IgnoreTimestamp()
	metadatatest.AssertEqualStreamerRuleMatched(t, tel, want(map[string]int64{"transform": 8, "relabel": 8, "constrain": 4, "pasted": 2, "dry": 6}), ignore)
	metadatatest.AssertEqualStreamerRuleChanged(t, tel, want(map[string]int64{"transform": 8, "relabel": 8, "constrain": 4}), ignore)
	metadatatest.AssertEqualStreamerRuleDropped(t, tel, want(map[string]int64{"pasted": 2, "dry": 6}), ignore)
	metadatatest.AssertEqualStreamerRuleErrors(t, tel, want(nil), ignore)

	self := attribute.String("processor", "streamer")
	metadatatest.AssertEqualStreamerMemoSeries(t, tel, []metricdata.DataPoint[int64]{{Attributes: attribute.NewSet(self), Value: 1}}, ignore)
	metadatatest.AssertEqualStreamerMemoLookups(t, tel, []metricdata.DataPoint[int64]{
		{Attributes: attribute.NewSet(self, attribute.String("outcome", "hit")), Value: 7},
		{Attributes: attribute.NewSet(self, attribute.String("outcome", "miss")), Value: 1},
	}, ignore)
}

func TestViolationsAndDryRunsAreLogged(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	set := processortest.NewNopSettings(metadata.Type)
	set.Logger = zap.New(core)
	limit := 1.0
	p := create(t, set, &consumertest.MetricsSink{},
		RuleConfig{Name: "log", Constrain: &ConstrainConfig{Max: &limit}},
		RuleConfig{Name: "dry", DryRun: true, Drop: []string{`datapoint.value_int == 3`}})
	require.NoError(t, p.ConsumeMetrics(t.Context(), gaugeOf(4)))

	broken := logs.FilterMessage("constraint broken").All()
	require.Len(t, broken, 1)
	assert.Equal(t, map[string]any{"rule": "log", "points": int64(2), "first": "m{} 2 breaks max"}, broken[0].ContextMap())
	dry := logs.FilterMessage("dry run").All()
	require.Len(t, dry, 1)
	assert.Equal(t, map[string]any{
		"rule": "dry", "matched": int64(1), "would_drop": int64(1), "would_change": int64(0),
		"before": []any{"m{} 3 @{}"}, "after": []any{},
	}, dry[0].ContextMap())
}
