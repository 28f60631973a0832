package inprocess

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/filterprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"

	"github.com/sluice-metrics/sluice/processor/streamerprocessor"
)

// step is one rule of the streamer and one processor of contrib, with the same conditions or statements.
type step struct {
	drop      []string
	keep      []string
	transform []string
}

func (s step) rule() map[string]any {
	switch {
	case s.drop != nil:
		return map[string]any{"drop": s.drop}
	case s.keep != nil:
		return map[string]any{"keep": s.keep}
	default:
		return map[string]any{"transform": s.transform}
	}
}

// peer is the contrib processor of the step. The filter processor only drops, so that keep becomes a negation.
func (s step) peer() (processor.Factory, map[string]any) {
	switch {
	case s.drop != nil:
		return filterprocessor.NewFactory(), map[string]any{"metric_conditions": anySlice(s.drop)}
	case s.keep != nil:
		return filterprocessor.NewFactory(), map[string]any{"metric_conditions": []any{"not (" + strings.Join(s.keep, " or ") + ")"}}
	default:
		return transformprocessor.NewFactory(), map[string]any{"metric_statements": anySlice(s.transform)}
	}
}

func anySlice(lines []string) []any {
	out := make([]any, 0, len(lines))
	for _, l := range lines {
		out = append(out, l)
	}
	return out
}

// streamerCase is a configuration that both sides can express.
type streamerCase struct {
	name  string
	steps []step
}

var (
	dropName     = `metric.name == "node.memory.003.usage"`
	dropDev      = `datapoint.attributes["env"] == "dev"`
	setCluster   = `set(datapoint.attributes["cluster"], "eu-1")`
	deleteRegion = `delete_key(datapoint.attributes, "region")`
	replaceRoute = `replace_pattern(datapoint.attributes["http.route"], "/shops/[0-9]+/", "/shops/{id}/")`
	scaleBytes   = `set(datapoint.value_double, datapoint.value_double * 1000.0) where metric.unit == "By"`
)

// filterAndTransform is the usual pair: a filter by name and attribute, then edits of identity and value.
var filterAndTransform = streamerCase{"filter+transform", []step{
	{drop: []string{`IsMatch(metric.name, "^debug[.].*")`, dropDev}},
	{transform: []string{setCluster, deleteRegion, replaceRoute, scaleBytes}},
}}

var streamerCases = []streamerCase{
	{"drop-by-name", []step{{drop: []string{dropName}}}},
	{"drop-by-attribute", []step{{drop: []string{dropDev}}}},
	{"keep-by-name-regexp", []step{{keep: []string{`IsMatch(metric.name, "^(http|node)[.].*")`}}}},
	{"set-attribute", []step{{transform: []string{setCluster}}}},
	filterAndTransform,
	{"20-statements", twoRules()},
	{"20-rules", twentyRules()},
}

// twoRules are 20 conditions and statements the way one would write them down: a filter, then a transform.
func twoRules() []step {
	var all [2]step
	for _, s := range twentyRules() {
		all[0].drop = append(all[0].drop, s.drop...)
		all[1].transform = append(all[1].transform, s.transform...)
	}
	return all[:]
}

// twentyRules are drops and transforms in turn. In contrib only a chain of processors keeps such an order.
func twentyRules() []step {
	var steps []step
	for i := range 5 {
		steps = append(steps,
			step{drop: []string{fmt.Sprintf(`metric.name == "node.memory.%03d.usage"`, 3*i)}},
			step{transform: []string{fmt.Sprintf(`set(datapoint.attributes["cluster"], "eu-%d") where datapoint.attributes["host.name"] == "node-%d.eu-west-1.example.org"`, i, i)}},
			step{drop: []string{fmt.Sprintf(`datapoint.attributes["http.route"] == "/shops/%d/orders/pay" and metric.unit == ""`, 7*i)}},
			step{transform: []string{fmt.Sprintf(`set(datapoint.attributes["team"], Concat(["team", datapoint.attributes["env"]], "-")) where IsMatch(metric.name, "^http[.]server[.]0%d")`, i)}},
		)
	}
	return steps
}

// streamerImpl is one of the two sides.
type streamerImpl struct {
	name string
	make func(tb testing.TB, c streamerCase, next consumer.Metrics) consumer.Metrics
}

var streamerImpls = []streamerImpl{{"sluice", ours}, {"contrib", peers}}

func ours(tb testing.TB, c streamerCase, next consumer.Metrics) consumer.Metrics {
	tb.Helper()
	var rules []any
	for _, s := range c.steps {
		rules = append(rules, s.rule())
	}
	return newProcessor(tb, streamerprocessor.NewFactory(), "", map[string]any{"rules": rules}, next)
}

// peers builds the chain of processors from its end.
func peers(tb testing.TB, c streamerCase, next consumer.Metrics) consumer.Metrics {
	tb.Helper()
	for i, s := range slices.Backward(c.steps) {
		factory, conf := s.peer()
		next = newProcessor(tb, factory, strconv.Itoa(i), conf, next)
	}
	return next
}

func newProcessor(tb testing.TB, factory processor.Factory, name string, conf map[string]any, next consumer.Metrics) consumer.Metrics {
	tb.Helper()
	set := processortest.NewNopSettings(factory.Type())
	set.ID = component.NewIDWithName(factory.Type(), name)
	set.TelemetrySettings = telemetrySettings(tb)
	p, err := factory.CreateMetrics(tb.Context(), set, configure(tb, factory, conf), next)
	require.NoError(tb, err)
	start(tb, p)
	return p
}
