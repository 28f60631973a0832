package streamerprocessor_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"pgregory.net/rapid"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/filterprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"

	_ "github.com/sluice-metrics/sluice/internal/proof"
	"github.com/sluice-metrics/sluice/internal/rules/rulestest"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor"
)

// testingT is what *testing.T and *rapid.T share.
type testingT interface {
	require.TestingT
	Context() context.Context
}

// run sends two copies of md through a processor, so that the streamer knows the series the second time, and returns what
// comes out, as JSON, and the error of the last. No output at all and an output without resources are told apart.
func run(t testingT, factory processor.Factory, conf map[string]any, md pmetric.Metrics) ([]string, error) {
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(conf).Unmarshal(cfg))
	sink := &consumertest.MetricsSink{}
	p, err := factory.CreateMetrics(t.Context(), processortest.NewNopSettings(factory.Type()), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	for range 2 {
		err = p.ConsumeMetrics(t.Context(), rulestest.Clone(md))
	}
	require.NoError(t, p.Shutdown(t.Context()))

	var out []string
	for _, got := range sink.AllMetrics() {
		text, jsonErr := (&pmetric.JSONMarshaler{}).MarshalMetrics(got)
		require.NoError(t, jsonErr)
		out = append(out, string(text))
	}
	return out, err
}

func streamerRule(key string, lines []string, errorMode string) map[string]any {
	return map[string]any{"error_mode": errorMode, "rules": []any{map[string]any{key: anySlice(lines)}}}
}

func anySlice(lines []string) []any {
	out := make([]any, 0, len(lines))
	for _, l := range lines {
		out = append(out, l)
	}
	return out
}

func TestDropEqualsFilterProcessor(t *testing.T) {
	for _, tt := range []struct {
		name   string
		drop   []string
		filter map[string]any
	}{
		{"metric name", []string{`metric.name == "go_threads"`}, map[string]any{"metric": []any{`name == "go_threads"`}}},
		{"metric type", []string{`metric.type == METRIC_DATA_TYPE_EXPONENTIAL_HISTOGRAM`}, map[string]any{"metric": []any{`type == METRIC_DATA_TYPE_EXPONENTIAL_HISTOGRAM`}}},
		{"metric function", []string{`HasAttrOnDatapoint("env", "dev") and metric.unit == "1"`}, map[string]any{"metric": []any{`HasAttrOnDatapoint("env", "dev") and unit == "1"`}}},
		{"metric by resource", []string{`metric.name != "" and resource.attributes["env"] == "dev"`}, map[string]any{"metric": []any{`resource.attributes["env"] == "dev"`}}},
		{"all metrics", []string{`metric.name != ""`}, map[string]any{"metric": []any{`true`}}},
		{"no metric", []string{`metric.name == ""`}, map[string]any{"metric": []any{`false`}}},
		{"datapoint attribute", []string{`datapoint.attributes["env"] == "dev"`}, map[string]any{"datapoint": []any{`attributes["env"] == "dev"`}}},
		{"datapoint int", []string{`datapoint.value_int > 9`}, map[string]any{"datapoint": []any{`value_int > 9`}}},
		{"datapoint double", []string{`datapoint.value_double < 20.0`}, map[string]any{"datapoint": []any{`value_double < 20.0`}}},
		{"datapoint of a metric", []string{`datapoint.count > 0 and metric.name == "http_requests"`}, map[string]any{"datapoint": []any{`count > 0 and metric.name == "http_requests"`}}},
		{"all datapoints", []string{`datapoint.attributes["id"] != nil`}, map[string]any{"datapoint": []any{`true`}}},
		{"resource", []string{`resource.attributes["team"] == nil`}, map[string]any{"resource": []any{`attributes["team"] == nil`}}},
		{
			"several conditions of several contexts",
			[]string{`metric.name == "rpc_size"`, `datapoint.attributes["code"] == "500"`, `datapoint.attributes["env"] == nil`, `resource.attributes["env"] == "prod"`},
			map[string]any{
				"resource":  []any{`attributes["env"] == "prod"`},
				"metric":    []any{`name == "rpc_size"`},
				"datapoint": []any{`attributes["code"] == "500"`, `attributes["env"] == nil`},
			},
		},
		{
			"run-time errors",
			[]string{`metric.name == "http_requests" and Substring(metric.name, 0, 99) == "a"`, `metric.name == "go_threads"`},
			map[string]any{"metric": []any{`name == "http_requests" and Substring(name, 0, 99) == "a"`, `name == "go_threads"`}},
		},
	} {
		for _, mode := range []string{"ignore", "silent", "propagate"} {
			t.Run(tt.name+"/"+mode, func(t *testing.T) {
				want, wantErr := run(t, filterprocessor.NewFactory(), map[string]any{"error_mode": mode, "metrics": tt.filter}, rulestest.Metrics())
				got, err := run(t, streamerprocessor.NewFactory(), streamerRule("drop", tt.drop, mode), rulestest.Metrics())
				assert.Equal(t, want, got)
				assert.Equal(t, wantErr == nil, err == nil, "%v, %v", wantErr, err)
			})
		}
	}
}

func TestDropEqualsFilterProcessorOnRandomMetrics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		md := rulestest.Draw(t, 1)
		var texts []string
		for _, c := range rapid.SliceOfN(rapid.SampledFrom(rulestest.Conditions), 1, 3).Draw(t, "conditions") {
			texts = append(texts, c.Text)
		}
		want, err := run(t, filterprocessor.NewFactory(), map[string]any{"metric_conditions": anySlice(texts)}, md)
		require.NoError(t, err)
		got, err := run(t, streamerprocessor.NewFactory(), streamerRule("drop", texts, "ignore"), md)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	})
}

func TestTransformEqualsTransformProcessor(t *testing.T) {
	for _, tt := range []struct {
		name       string
		statements []string
	}{
		{"set a datapoint attribute", []string{`set(datapoint.attributes["cluster"], "eu-1")`}},
		{"set with where", []string{`set(datapoint.attributes["cluster"], "eu-1") where datapoint.attributes["env"] == "dev"`}},
		{"later statements see earlier ones", []string{`set(datapoint.attributes["a"], metric.name)`, `set(datapoint.attributes["b"], "x") where datapoint.attributes["a"] == "go_threads"`}},
		{"delete keys", []string{`delete_key(datapoint.attributes, "env")`, `delete_matching_keys(datapoint.attributes, "^c")`}},
		{"keep keys", []string{`keep_keys(datapoint.attributes, ["id", "code"])`}},
		{"replace pattern", []string{`replace_pattern(metric.name, "^http_(.*)$", "web_$$1")`}},
		{"values", []string{`set(datapoint.value_double, datapoint.value_double * 2.0) where metric.type == METRIC_DATA_TYPE_GAUGE`, `set(datapoint.value_int, 7) where datapoint.value_int > 3`}},
		{"histogram fields", []string{`set(datapoint.count, 9) where metric.type == METRIC_DATA_TYPE_HISTOGRAM`}},
		{"two levels at once", []string{`set(datapoint.attributes["cluster"], "eu-1")`, `set(resource.attributes["team"], "infra") where resource.attributes["team"] == nil`}},
		{"cache", []string{`set(datapoint.cache["x"], metric.name)`, `set(datapoint.attributes["n"], datapoint.cache["x"])`}},
		{"resource", []string{`set(resource.attributes["seen"], true) where resource.attributes["env"] == "prod"`}},
		{"scope", []string{`set(scope.version, "1")`, `set(scope.attributes["team"], resource.attributes["team"])`}},
		{"metric", []string{`set(metric.unit, "By")`, `set(metric.description, Concat([scope.name, metric.name], "/"))`}},
		{"gauge to sum", []string{`convert_gauge_to_sum("cumulative", true) where metric.name != ""`}},
		{"sum to gauge", []string{`convert_sum_to_gauge() where metric.name == "http_requests"`}},
		{"summary to sums", []string{`convert_summary_count_val_to_sum("delta", true) where metric.type == METRIC_DATA_TYPE_SUMMARY`, `convert_summary_sum_val_to_sum("delta", false) where datapoint.attributes["env"] == "dev"`}},
		{"appending metrics while walking", []string{`copy_metric(name="copy") where metric.name == "rpc_size"`, `set(metric.unit, "c") where metric.name == "copy"`}},
		{"extract", []string{`extract_sum_metric(true) where metric.type == METRIC_DATA_TYPE_HISTOGRAM`, `extract_count_metric(false) where metric.type == METRIC_DATA_TYPE_HISTOGRAM`}},
		{"aggregate", []string{`aggregate_on_attributes("sum", []) where metric.type == METRIC_DATA_TYPE_SUM or metric.type == METRIC_DATA_TYPE_HISTOGRAM`}},
		{"scale", []string{`scale_metric(10.0, "d") where metric.type == METRIC_DATA_TYPE_GAUGE`}},
		{"run-time errors", []string{`set(metric.unit, "first")`, `set(metric.description, Substring(metric.name, 0, 99)) where metric.name == "http_requests"`, `set(metric.unit, "last")`}},
		{"run-time errors in a where", []string{`set(datapoint.attributes["a"], 1) where Substring(metric.name, 0, 99) == "a"`}},
	} {
		for _, mode := range []string{"ignore", "silent", "propagate"} {
			t.Run(tt.name+"/"+mode, func(t *testing.T) {
				want, wantErr := run(t, transformprocessor.NewFactory(), map[string]any{"error_mode": mode, "metric_statements": anySlice(tt.statements)}, rulestest.Metrics())
				got, err := run(t, streamerprocessor.NewFactory(), streamerRule("transform", tt.statements, mode), rulestest.Metrics())
				assert.Equal(t, want, got)
				assert.Equal(t, wantErr == nil, err == nil, "%v, %v", wantErr, err)
			})
		}
	}
}
