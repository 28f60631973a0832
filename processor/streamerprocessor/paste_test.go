package streamerprocessor_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/filterprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"

	"github.com/sluice-metrics/sluice/internal/rules/rulestest"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor"
)

// block is a configuration of one of contrib's processors, as far as it is about metrics.
type block struct {
	factory processor.Factory
	conf    map[string]any
}

// pasted is the streamer's configuration with the same block in a rule.
func (b block) pasted(memoize bool) map[string]any {
	rule := map[string]any{}
	maps.Copy(rule, b.conf)
	return map[string]any{"memoize": memoize, "rules": []any{rule}}
}

// accepts reports whether a processor can be made of a configuration.
func accepts(t testingT, factory processor.Factory, conf map[string]any) error {
	cfg := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(conf).Unmarshal(cfg); err != nil {
		return err
	}
	if err := confmap.Validate(cfg); err != nil {
		return err
	}
	_, err := factory.CreateMetrics(t.Context(), processortest.NewNopSettings(factory.Type()), cfg, consumertest.NewNop())
	return err
}

// requireSame demands that a block does the same in a rule as in its own processor, remembered or not.
func (b block) requireSame(t testingT, md pmetric.Metrics) {
	want, wantErr := run(t, b.factory, b.conf, md)
	for _, memoize := range []bool{false, true} {
		got, err := run(t, streamerprocessor.NewFactory(), b.pasted(memoize), md)
		if err != nil && wantErr == nil && len(want)+len(got) == 0 { // ADR 0010: contrib's filter forgets errors where nothing is left
			continue
		}
		require.Equal(t, wantErr == nil, err == nil, "%v, %v", wantErr, err)
		require.Equal(t, want, got, "memoize: %t", memoize)
	}
}

var yamlBlock = regexp.MustCompile("(?s)```ya?ml\n(.*?)```")

// contribExamples are all configurations for metrics in the README and the test data of one of contrib's processors.
func contribExamples(t *testing.T, factory processor.Factory) map[string]block {
	t.Helper()
	module := fmt.Sprintf("github.com/open-telemetry/opentelemetry-collector-contrib/processor/%sprocessor", factory.Type())
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	require.NoError(t, err)
	dir := strings.TrimSpace(string(out))
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	require.NoError(t, err)
	texts := map[string]string{}
	for i, m := range yamlBlock.FindAllStringSubmatch(string(readme), -1) {
		texts[fmt.Sprintf("README %d", i)] = m[1]
	}
	files, err := filepath.Glob(filepath.Join(dir, "testdata", "*.yaml"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		texts[filepath.Base(file)] = string(text)
	}
	return blocksOf(factory, texts)
}

func blocksOf(factory processor.Factory, texts map[string]string) map[string]block {
	blocks := map[string]block{}
	for name, text := range texts {
		var document map[string]any
		if yaml.Unmarshal([]byte(text), &document) != nil {
			continue
		}
		if processors, ok := document["processors"].(map[string]any); ok {
			document = processors
		}
		for id, section := range document {
			conf := metricsOnly(section)
			if conf == nil {
				conf = metricsOnly(document) // a block without its processor
			}
			if conf != nil {
				blocks[name+" "+id] = block{factory, conf}
			}
		}
	}
	return blocks
}

func metricsOnly(section any) map[string]any {
	all, ok := section.(map[string]any)
	if !ok {
		return nil
	}
	conf := map[string]any{}
	for _, key := range []string{"metrics", "metric_conditions", "metric_statements"} {
		if value, ok := all[key]; ok && value != nil {
			conf[key] = value
		}
	}
	if len(conf) == 0 {
		return nil
	}
	if mode, ok := all["error_mode"]; ok {
		conf["error_mode"] = mode
	}
	return conf
}

func TestContribExamplesPasteIn(t *testing.T) {
	for _, factory := range []processor.Factory{filterprocessor.NewFactory(), transformprocessor.NewFactory()} {
		examples := contribExamples(t, factory)
		require.Greater(t, len(examples), 10)
		for name, b := range examples {
			t.Run(factory.Type().String()+"/"+name, func(t *testing.T) {
				err := accepts(t, streamerprocessor.NewFactory(), b.pasted(true))
				if wantErr := accepts(t, factory, b.conf); wantErr != nil {
					require.Error(t, err, wantErr.Error())
					return
				}
				require.NoError(t, err)
				b.requireSame(t, rulestest.Metrics())
			})
		}
	}
}

// drawBlock draws a configuration of any shape: contexts named or inferred, conditions and error modes of groups.
func drawBlock(t *rapid.T) block {
	if rapid.Bool().Draw(t, "filter") {
		return block{filterprocessor.NewFactory(), drawFilter(t)}
	}
	groups := rapid.SliceOfN(rapid.Custom(drawGroup), 1, 4).Draw(t, "groups")
	conf := map[string]any{"metric_statements": anyList(groups)}
	if rapid.Bool().Draw(t, "flat") {
		conf["metric_statements"] = anySlice(rapid.SliceOfN(rapid.SampledFrom(statements["datapoint"].full), 1, 4).Draw(t, "statements"))
	}
	drawMode(t, conf)
	return block{transformprocessor.NewFactory(), conf}
}

func drawMode(t *rapid.T, conf map[string]any) {
	if mode := rapid.SampledFrom([]string{"", "ignore", "silent", "propagate"}).Draw(t, "error mode"); mode != "" {
		conf["error_mode"] = mode
	}
}

func anyList[T any](list []T) []any {
	var out []any
	for _, t := range list {
		out = append(out, t)
	}
	return out
}

// texts are conditions or statements with the context in each path, and without.
type texts struct{ full, short []string }

var conditions = map[string]texts{
	"resource": {
		[]string{`resource.attributes["env"] == "prod"`, `resource.attributes["team"] == nil`},
		[]string{`attributes["env"] == "prod"`, `IsMatch(attributes["team"], "^i")`},
	},
	"scope": {
		[]string{`scope.name == "http"`, `scope.version != "" and resource.attributes["env"] == "dev"`},
		[]string{`name == "http"`, `attributes["team"] == nil`},
	},
	"metric": {
		[]string{`metric.name == "go_threads"`, `metric.type == METRIC_DATA_TYPE_SUM and metric.is_monotonic`, `Substring(metric.name, 0, 11) == "http_reques"`},
		[]string{`name == "rpc_size"`, `type == METRIC_DATA_TYPE_HISTOGRAM`, `IsMatch(name, "^http_") and resource.attributes["env"] == "dev"`, `Len(name) > 10 and aggregation_temporality != AGGREGATION_TEMPORALITY_DELTA`},
	},
	"datapoint": {
		[]string{`datapoint.attributes["env"] == "dev"`, `datapoint.value_int > 3 or metric.name == "go_threads"`, `Substring(datapoint.attributes["env"], 0, 4) == "prod"`},
		[]string{`attributes["code"] == "500"`, `metric.name == "http_requests" and value_int < 9`, `count > 1`, `flags == 0 and attributes["id"] != nil`},
	},
}

var statements = map[string]texts{
	"resource": {
		[]string{`set(resource.attributes["seen"], true) where resource.attributes["env"] == "prod"`, `delete_key(resource.attributes, "team")`},
		[]string{`set(attributes["seen"], "x")`, `keep_keys(attributes, ["env"])`, `limit(attributes, 1, ["env"])`},
	},
	"scope": {
		[]string{`set(scope.version, "1")`, `set(scope.attributes["team"], resource.attributes["team"])`},
		[]string{`set(name, "x") where name == "http"`, `set(attributes["team"], resource.attributes["team"]) where resource.attributes["team"] != nil`},
	},
	"metric": {
		[]string{`set(metric.unit, "By")`, `replace_pattern(metric.name, "^http_(.*)$", "web_$$1")`, `convert_gauge_to_sum("cumulative", true)`, `set(metric.description, Substring(metric.name, 0, 11))`},
		[]string{`set(description, Concat([scope.name, name], "/"))`, `convert_sum_to_gauge() where name == "http_requests"`, `extract_count_metric(true) where type == METRIC_DATA_TYPE_HISTOGRAM`, `scale_metric(2.0) where type == METRIC_DATA_TYPE_GAUGE`, `copy_metric(name="copy") where name == "rpc_size"`},
	},
	"datapoint": {
		[]string{`set(datapoint.attributes["cluster"], "eu-1")`, `delete_key(datapoint.attributes, "env")`, `set(datapoint.value_int, datapoint.value_int * 2) where datapoint.attributes["env"] == "dev"`, `set(metric.unit, datapoint.attributes["env"]) where datapoint.attributes["env"] != nil`, `set(datapoint.attributes["n"], Substring(metric.name, 0, 11))`},
		[]string{`set(attributes["code"], Concat([attributes["code"], metric.name], "-")) where attributes["code"] != nil`, `keep_matching_keys(attributes, "^(i|e)")`, `set(value_double, value_double / 2.0)`, `set(value_int, 7) where value_int > 3 and attributes["env"] == "dev"`, `convert_summary_count_val_to_sum("delta", true) where metric.type == METRIC_DATA_TYPE_SUMMARY`, `replace_all_patterns(attributes, "value", "0", "zero")`, `set(cache["x"], metric.name)`, `set(attributes["n"], cache["x"])`},
	},
	"exemplar": {
		[]string{`set(exemplar.filtered_attributes["a"], metric.name)`, `set(exemplar.double_value, 1.5) where datapoint.attributes["env"] == "dev"`},
		[]string{`set(filtered_attributes["b"], "x")`, `set(int_value, 3) where metric.name == "http_requests"`},
	},
}

func drawFilter(t *rapid.T) map[string]any {
	conf := map[string]any{}
	drawMode(t, conf)
	if rapid.Bool().Draw(t, "metrics") {
		lists := map[string]any{}
		for _, context := range []string{"resource", "metric", "datapoint"} {
			if list := rapid.SliceOfN(rapid.SampledFrom(conditions[context].short), 0, 2).Draw(t, context); len(list) > 0 {
				lists[context] = anySlice(list)
			}
		}
		conf["metrics"] = lists
		return conf
	}
	conf["metric_conditions"] = anyList(rapid.SliceOfN(rapid.Custom(drawConditions), 1, 3).Draw(t, "conditions"))
	return conf
}

func drawConditions(t *rapid.T) map[string]any {
	context := rapid.SampledFrom([]string{"resource", "scope", "metric", "datapoint"}).Draw(t, "context")
	c := map[string]any{}
	if rapid.Bool().Draw(t, "inferred") {
		c["conditions"] = anySlice(rapid.SliceOfN(rapid.SampledFrom(conditions[context].full), 1, 2).Draw(t, "texts"))
	} else {
		c["context"] = context
		c["conditions"] = anySlice(rapid.SliceOfN(rapid.SampledFrom(conditions[context].short), 1, 2).Draw(t, "texts"))
	}
	drawMode(t, c)
	return c
}

func drawGroup(t *rapid.T) map[string]any {
	context := rapid.SampledFrom([]string{"resource", "scope", "metric", "datapoint", "datapoint", "exemplar"}).Draw(t, "context")
	g := map[string]any{}
	drawMode(t, g)
	from, guard := statements[context].full, conditions[context].full
	if rapid.Bool().Draw(t, "with context") {
		g["context"] = context
		from, guard = statements[context].short, conditions[context].short
	}
	g["statements"] = anySlice(rapid.SliceOfN(rapid.SampledFrom(from), 1, 3).Draw(t, "statements"))
	if len(guard) > 0 && rapid.Bool().Draw(t, "guarded") {
		g["conditions"] = anySlice(rapid.SliceOfN(rapid.SampledFrom(guard), 1, 2).Draw(t, "conditions"))
	}
	return g
}

func TestRandomBlocksPasteIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.Custom(drawBlock).Draw(t, "block")
		wantErr := accepts(t, b.factory, b.conf)
		err := accepts(t, streamerprocessor.NewFactory(), b.pasted(true))
		require.Equal(t, wantErr == nil, err == nil, "%v, %v", wantErr, err)
		if wantErr != nil {
			return
		}
		b.requireSame(t, rulestest.Metrics())
		b.requireSame(t, rulestest.Draw(t, 0))
	})
}

func TestIncludeAndExcludePasteIn(t *testing.T) {
	for name, metrics := range map[string]map[string]any{
		"strict":     {"include": map[string]any{"match_type": "strict", "metric_names": []any{"go_threads", "rpc_size"}}},
		"regexp":     {"exclude": map[string]any{"match_type": "regexp", "metric_names": []any{"^http_"}}},
		"expression": {"exclude": map[string]any{"match_type": "expr", "expressions": []any{`MetricName == "go_threads" && Label("env") == "dev"`}}},
		"resource":   {"include": map[string]any{"match_type": "strict", "resource_attributes": []any{map[string]any{"key": "env", "value": "prod"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			b := block{filterprocessor.NewFactory(), map[string]any{"metrics": metrics}}
			require.NoError(t, accepts(t, b.factory, b.conf))
			b.requireSame(t, rulestest.Metrics())
		})
	}
}

func TestPastedFaultsAreNamed(t *testing.T) {
	for want, rule := range map[string]map[string]any{
		`rules[0] ("r"): `: {"metrics": map[string]any{"metric": []any{`name ==`}}},
		`unknown context`:  {"metric_statements": []any{map[string]any{"context": "nosuch", "statements": []any{`set(name, "x")`}}}},
		`span.name`:        {"metric_statements": []any{`set(span.name, "x")`}},
		`invalid keys: x`:  {"metric_conditions": []any{map[string]any{"x": 1}}},
		`exactly one of`:   {"metrics": map[string]any{}, "drop": []any{`metric.name == "x"`}},
	} {
		rule["name"] = "r"
		err := accepts(t, streamerprocessor.NewFactory(), map[string]any{"rules": []any{rule}})
		require.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, `rules[0]`)
	}
}
