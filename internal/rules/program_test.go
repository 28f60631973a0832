package rules

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlmetric"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlresource"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlscope"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/ottlfuncs"

	_ "github.com/sluice-metrics/sluice/internal/proof"
	"github.com/sluice-metrics/sluice/internal/rules/rulestest"
)

// failing is a condition that fails on the metrics named http_requests, and on no other, at run time.
const failing = `metric.name == "http_requests" and Substring(metric.name, 0, 99) == "x"`

func testSettings() Settings {
	return Settings{
		Functions: Functions{
			Resource:  ottlfuncs.StandardFuncs[*ottlresource.TransformContext](),
			Scope:     ottlfuncs.StandardFuncs[*ottlscope.TransformContext](),
			Metric:    ottlfuncs.StandardFuncs[*ottlmetric.TransformContext](),
			DataPoint: ottlfuncs.StandardFuncs[*ottldatapoint.TransformContext](),
		},
		Telemetry: componenttest.NewNopTelemetrySettings(),
	}
}

func compileRules(t require.TestingT, list ...Rule) *Program {
	p, err := Compile(testSettings(), list)
	require.NoError(t, err)
	return p
}

// runOn runs a program on a batch in place.
func runOn(ctx context.Context, p *Program, md pmetric.Metrics) ([]Counts, error) {
	counts := make([]Counts, len(p.Names()))
	_, err := p.Run(ctx, md, counts)
	return counts, err
}

func ids(md pmetric.Metrics) []int64 {
	var out []int64
	for _, p := range rulestest.Points(md) {
		out = append(out, p.ID)
	}
	return out
}

// where returns the ids of the points of md for which holds is as wanted.
func where(md pmetric.Metrics, holds func(rulestest.Point) bool, wanted bool) []int64 {
	var out []int64
	for _, p := range rulestest.Points(md) {
		if holds(p) == wanted {
			out = append(out, p.ID)
		}
	}
	return out
}

func TestDropAndKeepPartitionTheBatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rulestest.Draw(t, 0)
		c := rapid.SampledFrom(rulestest.Conditions).Draw(t, "condition")
		met, unmet := where(in, c.Holds, true), where(in, c.Holds, false)

		dropped := rulestest.Clone(in)
		counts, err := runOn(t.Context(), compileRules(t, Rule{Drop: []string{c.Text}}), dropped)
		require.NoError(t, err)
		assert.Equal(t, unmet, ids(dropped))
		assert.Equal(t, []Counts{{Matched: len(met), Dropped: len(met)}}, counts)

		kept := rulestest.Clone(in)
		counts, err = runOn(t.Context(), compileRules(t, Rule{Keep: []string{c.Text}}), kept)
		require.NoError(t, err)
		assert.Equal(t, met, ids(kept))
		assert.Equal(t, []Counts{{Matched: len(met), Dropped: len(unmet)}}, counts)
	})
}

func TestDropIsTheUnionOfItsConditions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rulestest.Draw(t, 0)
		chosen := rapid.SliceOfN(rapid.SampledFrom(rulestest.Conditions), 1, 4).Draw(t, "conditions")
		var r Rule
		for _, c := range chosen {
			r.Drop = append(r.Drop, c.Text)
		}
		anyHolds := func(p rulestest.Point) bool {
			return slices.ContainsFunc(chosen, func(c rulestest.Condition) bool { return c.Holds(p) })
		}
		want := where(in, anyHolds, false)
		before := in.DataPointCount()

		counts, err := runOn(t.Context(), compileRules(t, r), in)
		require.NoError(t, err)
		assert.Equal(t, want, ids(in))
		assert.Equal(t, before, in.DataPointCount()+counts[0].Dropped)
	})
}

func TestRulesRunInOrder(t *testing.T) {
	p := compileRules(t,
		Rule{Transform: []string{`set(metric.name, "renamed") where metric.name == "go_threads"`}},
		Rule{Drop: []string{`metric.name == "go_threads"`}},
		Rule{Keep: []string{`metric.name == "renamed"`}},
	)
	md := rulestest.Metrics()
	renamed := where(md, func(p rulestest.Point) bool { return p.Metric.Name() == "go_threads" }, true)
	in := md.DataPointCount()

	counts, err := runOn(t.Context(), p, md)
	require.NoError(t, err)
	assert.Equal(t, renamed, ids(md))
	assert.Equal(t, []Counts{{Matched: len(renamed), Changed: len(renamed)}, {}, {Matched: len(renamed), Dropped: in - len(renamed)}}, counts)
}

func TestTransformCountsPointsUnderWhatItRanOn(t *testing.T) {
	for _, tt := range []struct {
		statements []string
		condition  int
	}{
		{[]string{`set(resource.attributes["seen"], true) where ` + rulestest.Conditions[0].Text}, 0},
		{[]string{`set(scope.version, "1") where ` + rulestest.Conditions[2].Text}, 2},
		{[]string{`set(metric.description, "d") where ` + rulestest.Conditions[5].Text}, 5},
		{[]string{`set(datapoint.attributes["seen"], true) where ` + rulestest.Conditions[8].Text}, 8},
		{[]string{`set(datapoint.attributes["seen"], true) where false`, `set(metric.unit, "2") where ` + rulestest.Conditions[10].Text}, 10},
		{[]string{`set(metric.unit, "2") where ` + rulestest.Conditions[10].Text, `set(datapoint.attributes["seen"], true) where false`}, 10},
	} {
		md := rulestest.Metrics()
		want := len(where(md, rulestest.Conditions[tt.condition].Holds, true))
		counts, err := runOn(t.Context(), compileRules(t, Rule{Transform: tt.statements}), md)
		require.NoError(t, err)
		assert.Equal(t, []Counts{{Matched: want, Changed: want}}, counts, tt.statements)
	}
}

func TestShellsAreRemovedOnlyWhenARuleEmptiedThem(t *testing.T) {
	md := pmetric.NewMetrics()
	md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge()
	md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
	md.ResourceMetrics().AppendEmpty()
	full := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	full.AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().Attributes().PutStr("env", "dev")
	full.AppendEmpty().SetEmptyHistogram().DataPoints().AppendEmpty().Attributes().PutStr("env", "dev")

	_, err := runOn(t.Context(), compileRules(t, Rule{Drop: []string{`datapoint.attributes["env"] == "dev"`}}), md)
	require.NoError(t, err)
	require.Equal(t, 3, md.ResourceMetrics().Len())
	require.Equal(t, 1, md.ResourceMetrics().At(0).ScopeMetrics().Len())
	assert.Equal(t, 1, md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().Len())
	assert.Equal(t, 1, md.ResourceMetrics().At(1).ScopeMetrics().Len())
}

func TestErrorsLeaveTheItemAlone(t *testing.T) {
	for _, mode := range []ottl.ErrorMode{ottl.IgnoreError, ottl.SilentError, ""} {
		for name, tt := range map[string]struct {
			rule Rule
			stay func(name string) bool
		}{
			"drop": {Rule{Drop: []string{failing, `metric.name == "go_threads"`}}, func(n string) bool { return n != "go_threads" }},
			"keep": {Rule{Keep: []string{failing, `metric.name == "go_threads"`}}, func(n string) bool {
				return n == "go_threads" || n == "http_requests"
			}},
			"keep that holds though another condition fails": {
				Rule{Keep: []string{failing, `metric.name == "http_requests"`}}, func(n string) bool { return n == "http_requests" },
			},
		} {
			t.Run(name+"/"+string(mode), func(t *testing.T) {
				md := rulestest.Metrics()
				want := where(md, func(p rulestest.Point) bool { return tt.stay(p.Metric.Name()) }, true)
				tt.rule.ErrorMode = mode
				counts, err := runOn(t.Context(), compileRules(t, tt.rule), md)
				require.NoError(t, err)
				assert.Equal(t, want, ids(md))
				assert.Positive(t, counts[0].Errors)
				if mode == ottl.SilentError {
					assert.NoError(t, counts[0].FirstError)
				} else {
					assert.ErrorContains(t, counts[0].FirstError, failing)
				}
			})
		}
	}
}

func TestPropagateStopsAtTheFirstError(t *testing.T) {
	md := rulestest.Metrics()
	set := testSettings()
	set.ErrorMode = ottl.PropagateError
	p, err := Compile(set, []Rule{
		{Name: "quiet", Drop: []string{failing}, ErrorMode: ottl.SilentError},
		{Name: "loud", Transform: []string{`set(metric.description, Substring(metric.name, 0, 99))`, `set(metric.unit, "x")`}},
		{Drop: []string{`metric.name != ""`}},
	})
	require.NoError(t, err)
	in := md.DataPointCount()

	counts, err := runOn(t.Context(), p, md)
	require.ErrorContains(t, err, `rule "loud": set(metric.description, Substring(metric.name, 0, 99)): `)
	assert.Positive(t, counts[0].Errors)
	assert.Equal(t, 1, counts[1].Errors)
	assert.Equal(t, Counts{}, counts[2])
	assert.Equal(t, in, md.DataPointCount())
	for _, p := range rulestest.Points(md) {
		assert.Equal(t, "1", p.Metric.Unit())
	}
}

func TestIgnoredStatementErrorGoesOnWithTheNextStatement(t *testing.T) {
	md := rulestest.Metrics()
	p := compileRules(t, Rule{Transform: []string{`set(metric.unit, Substring(metric.name, 0, 99))`, `set(metric.description, "d")`}})
	counts, err := runOn(t.Context(), p, md)
	require.NoError(t, err)
	metrics := 0
	require.NoError(t, eachMetric(md, func(_ pmetric.ResourceMetrics, _ pmetric.ScopeMetrics, m pmetric.Metric) {
		metrics++
		assert.Equal(t, "d", m.Description())
	}))
	assert.Equal(t, metrics, counts[0].Errors)
	assert.Equal(t, md.DataPointCount(), counts[0].Matched)
}

func TestNoRulesLeaveAReadOnlyBatchAlone(t *testing.T) {
	md := rulestest.Metrics()
	md.MarkReadOnly()
	counts, err := runOn(t.Context(), compileRules(t), md)
	require.NoError(t, err)
	assert.Empty(t, counts)
}

// Run has no state of its own; the race detector is the judge.
func TestRunConcurrently(t *testing.T) {
	p := compileRules(t,
		Rule{Drop: []string{rulestest.Conditions[4].Text, rulestest.Conditions[8].Text}},
		Rule{Transform: []string{`set(datapoint.attributes["cluster"], "eu-1")`}},
	)
	want := rulestest.Metrics()
	_, err := runOn(t.Context(), p, want)
	require.NoError(t, err)

	var wg sync.WaitGroup
	var outputs [40]pmetric.Metrics
	var errs [len(outputs)]error
	for i := range outputs {
		wg.Go(func() {
			outputs[i] = rulestest.Metrics()
			_, errs[i] = runOn(t.Context(), p, outputs[i])
		})
	}
	wg.Wait()
	for i := range outputs {
		require.NoError(t, errs[i])
		assert.Equal(t, want, outputs[i])
	}
}

// A copy that keeps its name matches again: contrib's transform processor, which has the same function, never returns.
func TestRunawayRuleIsEnded(t *testing.T) {
	set := testSettings()
	set.ErrorMode = ottl.IgnoreError
	set.Functions.Metric["twin"] = ottl.NewFactory("twin", nil,
		func(ottl.FunctionContext, ottl.Arguments) (ottl.ExprFunc[*ottlmetric.TransformContext], error) {
			return func(_ context.Context, tCtx *ottlmetric.TransformContext) (any, error) {
				tCtx.GetMetric().CopyTo(tCtx.GetMetrics().AppendEmpty())
				return nil, nil
			}, nil
		})
	p, err := Compile(set, []Rule{{Name: "copies", Transform: []string{`twin() where metric.name != ""`}}})
	require.NoError(t, err)
	md := rulestest.Metrics()
	counts, err := runOn(t.Context(), p, md)
	require.ErrorIs(t, err, ErrRunaway)
	require.ErrorContains(t, err, `rule "copies"`)
	assert.Equal(t, 1, counts[0].Errors)
}

// replace_match takes Len for a function of texts and panics: the batch is refused, and the collector goes on.
func TestPanicOfOTTLRefusesTheBatch(t *testing.T) {
	rule := Rule{Name: "r", Transform: []string{`replace_match(datapoint.attributes["env"], "*", "x", function = Len)`}}
	dry := rule
	dry.DryRun = true
	counts, err := runOn(t.Context(), compileRules(t, dry), rulestest.Metrics())
	require.NoError(t, err)
	require.ErrorIs(t, counts[0].FirstError, ErrPanic)
	for _, m := range []Memoize{{}, {MaxSeries: 10, Expiration: time.Hour}} {
		for name, list := range map[string][]Rule{`rule "r"`: {rule}, `rule "r": `: {{Name: "q", Drop: []string{`metric.name == "x"`}}, rule}} {
			p := compileMemoizing(t, m, list...)
			for range 2 {
				counts, err := runOn(t.Context(), p, rulestest.Metrics())
				require.ErrorIs(t, err, ErrPanic)
				require.ErrorContains(t, err, name)
				assert.Equal(t, 1, counts[len(counts)-1].Errors)
			}
		}
	}
}
