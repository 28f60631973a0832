package rules

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlmetric"
)

func TestNames(t *testing.T) {
	p := compileRules(t, Rule{Drop: []string{`metric.name == ""`}}, Rule{Name: "b", Keep: []string{`metric.name != ""`}})
	assert.Equal(t, []string{"rules[0]", "b"}, p.Names())
}

func TestCompileJoinsAllProblems(t *testing.T) {
	set := testSettings()
	set.ErrorMode = "loudly"
	_, err := Compile(set, []Rule{
		{Name: "a", Drop: []string{`metric.name == `}},
		{Name: "a", Keep: []string{`metric.name == "x"`, `datapoint.attributes["x"] == nil`}, ErrorMode: "quietly"},
		{},
		{Transform: []string{`set(datapoint.attributes["a"], "b")`, `nosuch(datapoint.attributes)`}},
	})
	require.Error(t, err)
	for _, want := range []string{
		`error_mode: must be ignore, silent or propagate, not "loudly"`,
		`rules[0] ("a"): drop[0]: condition has invalid syntax: 1:`,
		`rules[1] ("a"): name is already used by rules[0]`,
		`rules[1] ("a"): error_mode: must be ignore, silent or propagate, not "quietly"`,
		`rules[1] ("a"): keep[1]: all conditions of one keep rule must be of the same context`,
		`rules[2]: exactly one of drop, keep, transform, `,
		`rules[3]: transform[1]: `,
	} {
		assert.Contains(t, err.Error(), want)
	}
	assert.NotContains(t, err.Error(), "transform[0]")
}

// A statement without paths has no context of its own: the group lends it one, and it takes no blame for another's fault.
func TestTransformGroupHasOneContext(t *testing.T) {
	set := testSettings()
	set.Functions.Metric["pathless"] = ottl.NewFactory("pathless", nil,
		func(ottl.FunctionContext, ottl.Arguments) (ottl.ExprFunc[*ottlmetric.TransformContext], error) {
			return func(context.Context, *ottlmetric.TransformContext) (any, error) { return nil, nil }, nil
		})

	p, err := Compile(set, []Rule{{Transform: []string{`pathless()`, `set(scope.version, metric.unit)`}}})
	require.NoError(t, err)
	assert.IsType(t, metricStatements{}, p.parts[0].stage)

	_, err = Compile(set, []Rule{{Transform: []string{`pathless()`, `set(metric.nosuch, "2")`}}})
	require.ErrorContains(t, err, `rules[0]: transform[1]: `)
	assert.NotContains(t, err.Error(), `transform[0]`)

	_, err = Compile(set, []Rule{{Transform: []string{`pathless()`, `set(datapoint.attributes["a"], "b")`}}})
	require.ErrorContains(t, err, `rules[0]: transform: `)
}
