package streamerprocessor

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadata"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadatatest"
)

type (
	celsius float64
	octets  int64
)

// numbers is a batch of all that functions may meet: numbers of both types, without a value, and what has no number.
func numbers() pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("env", "dev")
	metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
	gauge := metrics.AppendEmpty()
	gauge.SetName("gauge")
	gauge.SetUnit("Cel")
	points := gauge.SetEmptyGauge().DataPoints()
	points.AppendEmpty().SetIntValue(4)
	points.AppendEmpty().SetDoubleValue(4.5)
	points.AppendEmpty().SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	sum := metrics.AppendEmpty()
	sum.SetName("sum")
	p := sum.SetEmptySum().DataPoints().AppendEmpty()
	p.SetIntValue(-3)
	p.SetTimestamp(20)
	p.SetStartTimestamp(10)
	p.Attributes().PutStr("code", "200")
	histogram := metrics.AppendEmpty()
	histogram.SetName("histogram")
	histogram.SetEmptyHistogram().DataPoints().AppendEmpty().SetCount(1)
	return md
}

// callAt makes a streamer of one rule that calls the function f.
func callAt(t *testing.T, o Option, dryRun bool, md pmetric.Metrics) (*consumertest.MetricsSink, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	set := processortest.NewNopSettings(metadata.Type)
	set.Logger = zap.New(core)
	factory := NewFactory(o)
	cfg := factory.CreateDefaultConfig().(*Config)
	cfg.Rules = []RuleConfig{{Name: "call", Function: "f", DryRun: dryRun}}
	require.NoError(t, cfg.Validate())
	sink := &consumertest.MetricsSink{}
	p, err := factory.CreateMetrics(t.Context(), set, cfg, sink)
	require.NoError(t, err)
	require.NoError(t, p.ConsumeMetrics(t.Context(), md))
	require.NoError(t, p.Shutdown(t.Context()))
	return sink, logs
}

// shown lists what numbers are left, by metric.
func shown(md pmetric.Metrics) map[string][]any {
	list := map[string][]any{}
	for _, m := range metricsOf(md) {
		list[m.Name()] = []any{}
		for _, p := range numbersOf(m).All() {
			switch p.ValueType() {
			case pmetric.NumberDataPointValueTypeInt:
				list[m.Name()] = append(list[m.Name()], p.IntValue())
			case pmetric.NumberDataPointValueTypeDouble:
				list[m.Name()] = append(list[m.Name()], p.DoubleValue())
			case pmetric.NumberDataPointValueTypeEmpty:
				list[m.Name()] = append(list[m.Name()], nil)
			}
		}
	}
	return list
}

func TestFunctions(t *testing.T) {
	untouched := map[string][]any{"gauge": {int64(4), 4.5, nil}, "sum": {int64(-3)}, "histogram": {}}
	for name, tt := range map[string]struct {
		option Option
		want   map[string][]any
	}{
		"filter of integers": {
			WithFilter("f", func(p Point[int64]) bool { return p.Value > 0 }),
			map[string][]any{"gauge": {int64(4), 4.5, nil}, "histogram": {}},
		},
		"filter of doubles": {
			WithFilter("f", func(p Point[float64]) bool { return p.Value > 5 }),
			map[string][]any{"gauge": {int64(4), nil}, "sum": {int64(-3)}, "histogram": {}},
		},
		"filter of a type of its own": {
			WithFilter("f", func(p Point[octets]) bool { return p.Value != octets(4) }),
			map[string][]any{"gauge": {4.5, nil}, "sum": {int64(-3)}, "histogram": {}},
		},
		"filter that lets all pass": {WithFilter("f", func(Point[int64]) bool { return true }), untouched},
		"transform of integers": {
			WithTransform("f", func(p Point[int64]) (int64, error) { return p.Value * 2, nil }),
			map[string][]any{"gauge": {int64(8), 4.5, nil}, "sum": {int64(-6)}, "histogram": {}},
		},
		"transform of doubles": {
			WithTransform("f", func(p Point[float64]) (float64, error) { return p.Value / 2, nil }),
			map[string][]any{"gauge": {int64(4), 2.25, nil}, "sum": {int64(-3)}, "histogram": {}},
		},
		"transform of types of its own": {
			WithTransform("f", func(p Point[celsius]) (celsius, error) { return p.Value + 273.15, nil }),
			map[string][]any{"gauge": {int64(4), 277.65, nil}, "sum": {int64(-3)}, "histogram": {}},
		},
		"transform that fails": {WithTransform("f", func(Point[int64]) (int64, error) { return 7, errors.New("no") }), untouched},
		"by all that a point has": {
			WithFilter("f", func(p Point[int64]) bool {
				env, _ := p.Resource.Get("env")
				code, coded := p.Attributes.Get("code")
				isSum := p.Metric == "sum" && p.Unit == "" && coded && code.Str() == "200" && p.Time == 20 && p.Start == 10
				return env.Str() != "dev" || !isSum
			}),
			map[string][]any{"gauge": {int64(4), 4.5, nil}, "histogram": {}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, shared := range []bool{false, true} {
				md := numbers()
				if shared {
					md.MarkReadOnly()
				}
				sink, _ := callAt(t, tt.option, false, md)
				require.Len(t, sink.AllMetrics(), 1)
				assert.Equal(t, tt.want, shown(sink.AllMetrics()[0]))
				if shared {
					assert.Equal(t, untouched, shown(md))
					assert.True(t, sink.AllMetrics()[0].IsReadOnly())
				}
			}
			sink, _ := callAt(t, tt.option, true, numbers())
			require.Len(t, sink.AllMetrics(), 1)
			assert.Equal(t, untouched, shown(sink.AllMetrics()[0]), "a dry run does nothing")
		})
	}
}

func TestFunctionErrorsAreTold(t *testing.T) {
	_, logs := callAt(t, WithTransform("f", func(Point[int64]) (int64, error) { return 0, errors.New("no") }), false, numbers())
	lines := logs.FilterLevelExact(zap.WarnLevel).All()
	require.Len(t, lines, 1)
	assert.Equal(t, "call", lines[0].ContextMap()["rule"])
	assert.Equal(t, int64(2), lines[0].ContextMap()["errors"])
	assert.Equal(t, "function f on gauge: no", lines[0].ContextMap()["error"])
}

// What a function panics of refuses the batch: the collector goes on.
func TestFunctionThatPanics(t *testing.T) {
	factory := NewFactory(WithFilter("f", func(Point[int64]) bool { panic("oh") }))
	cfg := factory.CreateDefaultConfig().(*Config)
	cfg.Rules = []RuleConfig{{Name: "call", Function: "f"}}
	tel := newTelemetry(t)
	p, err := factory.CreateMetrics(t.Context(), metadatatest.NewSettings(tel), cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.ErrorContains(t, p.ConsumeMetrics(t.Context(), numbers()), `rule "call": a function panics: oh`)
	require.NoError(t, p.Shutdown(t.Context()))
}

func TestUnknownFunctionNamesThoseOfTheBuild(t *testing.T) {
	factory := NewFactory(
		WithFilter("b", func(Point[int64]) bool { return true }), WithTransform("a", func(p Point[int64]) (int64, error) { return p.Value, nil }))
	cfg := factory.CreateDefaultConfig().(*Config)
	cfg.Rules = []RuleConfig{{Function: "c"}}
	require.ErrorContains(t, cfg.Validate(), `rules[0]: function: this build has no function "c", only ["a" "b"]`)
}
