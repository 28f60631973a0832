package streamerprocessor

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"

	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadata"
)

func TestLoadConfig(t *testing.T) {
	all, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	load := func(id string) *Config {
		sub, err := all.Sub(id)
		require.NoError(t, err)
		cfg := createDefaultConfig().(*Config)
		require.NoError(t, sub.Unmarshal(cfg))
		require.NoError(t, cfg.Validate())
		return cfg
	}

	assert.Equal(t, &Config{
		ErrorMode: ottl.IgnoreError, Memoize: true, MemoizeMaxSeries: 1_000_000, MemoizeExpiration: 30 * time.Minute,
		Buffer: configoptional.Default(defaultBuffer()),
	}, load("streamer"))
	assert.Equal(t, &Config{
		ErrorMode: ottl.SilentError, Memoize: true, MemoizeMaxSeries: 1000, MemoizeExpiration: time.Hour,
		Buffer: configoptional.Default(defaultBuffer()),
		Rules: []RuleConfig{
			{Name: "no-debug", Drop: []string{`metric.name == "go_threads"`, `datapoint.attributes["env"] == "dev"`}},
			{Keep: []string{`IsMatch(metric.name, "^http_")`}},
			{
				Transform: []string{
					`set(datapoint.attributes["cluster"], "eu-1")`,
					`set(resource.attributes["team"], "infra") where resource.attributes["team"] == nil`,
				},
				ErrorMode: ottl.PropagateError,
			},
		},
	}, load("streamer/all"))
	assert.Len(t, load("streamer/contrib_functions").Rules, 4)
}

// config.yaml has every key there is, so that one that is renamed or forgotten shows.
func TestEveryKeyIsRead(t *testing.T) {
	all, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	sub, err := all.Sub("streamer/every_key")
	require.NoError(t, err)
	factory := NewFactory(WithTransform("halve", func(p Point[float64]) (float64, error) { return p.Value / 2, nil }))
	cfg := factory.CreateDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	require.NoError(t, cfg.Validate())
	requireNoneEmpty(t, reflect.ValueOf(*cfg), "")
	require.NotNil(t, cfg.Buffer.Get())
	requireNoneEmpty(t, reflect.ValueOf(*cfg.Buffer.Get()), "buffer.")
	seen := map[string]bool{}
	for i := range cfg.Rules {
		r := reflect.ValueOf(cfg.Rules[i])
		for j := range r.NumField() {
			seen[r.Type().Field(j).Name] = seen[r.Type().Field(j).Name] || !r.Field(j).IsZero()
		}
	}
	for name, set := range seen {
		assert.True(t, set || name == "_", "rules[].%s", name)
	}
	for _, c := range cfg.Rules {
		if c.Constrain != nil {
			requireNoneEmpty(t, reflect.ValueOf(*c.Constrain), "constrain.")
		}
	}
}

// requireNoneEmpty demands a value other than Go's zero for each exported field, but for memoize, whose default is true.
func requireNoneEmpty(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || f.Name == "Memoize" {
			continue
		}
		assert.False(t, v.Field(i).IsZero(), path+f.Name)
		if v.Field(i).Kind() == reflect.Struct {
			requireNoneEmpty(t, v.Field(i), path+f.Name+".")
		}
	}
}

// badConfigs holds, by file, what the error must say.
var badConfigs = map[string][]string{
	"error_mode":          {`unknown error mode loudly`},
	"rule_error_mode":     {`'rules[0].error_mode'`, `unknown error mode quietly`},
	"no_action":           {`rules[2] ("nothing"): exactly one of drop, keep, transform, `},
	"two_actions":         {`rules[0]: exactly one of drop, keep, transform, `},
	"empty_action":        {`rules[0]: exactly one of drop, keep, transform, relabel, constrain, metrics, metric_conditions, metric_statements and function must be set, and not be empty`},
	"duplicate_name":      {`rules[1]: name is already used by rules[0]`},
	"keep_contexts":       {`rules[0]: keep[1]: all conditions of one keep rule must be of the same context`, `of context resource`},
	"drop_syntax":         {`rules[1] ("no-debug"): drop[0]: condition has invalid syntax: 1:16: `},
	"keep_path":           {`rules[0]: keep[0]: `, `metric.nosuch`},
	"keep_no_context":     {`rules[0]: keep[0]: unable to infer context`},
	"transform_syntax":    {`rules[0]: transform[1]: `, `1:17: `},
	"transform_function":  {`rules[0]: transform[0]: `, `nosuch`},
	"transform_group":     {`rules[0]: transform: `, `convert_gauge_to_sum`},
	"other_signal":        {`rules[0]: drop[0]: `, `"log"`},
	"unknown_key":         {`'rules[0]' has invalid keys: when`},
	"rate_limit":          {`rate_limit: points_per_second: must be a number from 0 on, not -1`, `rate_limit: burst: must not be negative, not -5`},
	"rate_limit_infinite": {`rate_limit: points_per_second: must be a number from 0 on, not +Inf`},
	"rate_limit_burst":    {`rate_limit: burst: points_per_second must be set too`},
	"buffer": {
		`buffer: max_bytes: must be at least 1, not 0`, `buffer: batch: items: must be at least 1, not 0`, `buffer: workers: max: must be at least 3, not 2`,
		`buffer: max_streams: must be at least 1, not 0`, `buffer: flush_interval: must be at least 0, not -1`,
		`buffer: alert_threshold: must be above 0 and at most 1, not 1.5`, `buffer: acknowledge: must be accepted or persisted, not "maybe"`,
		`buffer: retry: max_interval: must be at least 2000000000, not 1000000000`,
	},
	"buffer_directory": {`buffer: directory: must be set, as acknowledge is persisted`, `buffer: directory: must be set, as fsync is`},
	"buffer_bounds": {
		`buffer: max_bytes: must hold a batch of batch::items and batch::bytes`, `buffer: spill_threshold: must be at most max_bytes, 1048576, not 2097152`,
	},
	"buffer_keys": {
		`buffer: stream_by: resource_attributes[1]: "a" is there twice`, `buffer: stream_by: metadata_keys[0]: must not be empty`,
	},
	"memoize": {
		`memoize_max_series: must be at least 1, not 0; to remember nothing set memoize: false`, `memoize_expiration: must be positive, not -1s`,
	},
	"constrain_nothing":          {`rules[0]: constrain: at least one of min, max, finite, integer and monotonic must be set`},
	"constrain_action":           {`rules[0]: constrain: on_violation: must be drop, clamp, tag or log, not "explode"`},
	"constrain_bounds":           {`rules[0]: constrain: min: must not be above max, 2 is above 1`},
	"constrain_nan":              {`rules[0]: constrain: min: must be a number`},
	"constrain_integer":          {`rules[0]: constrain: integer: there is none between min 1.2 and max 1.8`},
	"constrain_match":            {`rules[0]: constrain: match[1]: `},
	"constrain_key":              {`'rules[0].constrain' has invalid keys: minimum`},
	"constrain_type":             {`'rules[0].constrain.min'`},
	"relabel_key":                {`rules[0]: relabel[1]: source: unknown key`},
	"relabel_regex":              {`rules[0]: relabel[0]: regex: `},
	"relabel_action":             {`rules[0]: relabel[0]: action: unknown relabel action "explode"`},
	"relabel_modulus":            {`rules[0]: relabel[0]: relabel configuration for hashmod requires non-zero modulus`},
	"relabel_target":             {`rules[0]: relabel[0]: relabel configuration for replace action requires 'target_label' value`},
	"relabel_number":             {`rules[0]: relabel[0]: replacement: must be in quotes`},
	"metrics_syntax":             {`rules[0] ("pasted"): `, `name ==`},
	"metrics_key":                {`rules[0]: `, `metrics`},
	"metric_conditions":          {`rules[0]: `, `metric.nosuch`},
	"metric_statements":          {`rules[0]: `, `nosuch`},
	"metric_statements_function": {`rules[0]: `, `HasAttrKeyOnDatapoint`},
	"transform_error_mode":       {`rules[0]: `, `quietly`},
	"function":                   {`rules[0]: function: this build has no functions, so that there is no "nosuch"`},
	"many":                       {`rules[0] ("first"): drop[0]: `, `rules[0] ("first"): drop[1]: `, `rules[1] ("second"): exactly one`},
}

func TestBadConfigs(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "bad_*.yaml"))
	require.NoError(t, err)
	assert.Len(t, files, len(badConfigs))
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "bad_"), ".yaml")
		t.Run(name, func(t *testing.T) {
			require.NotEmpty(t, badConfigs[name])
			conf, err := confmaptest.LoadConf(file)
			require.NoError(t, err)
			cfg := createDefaultConfig().(*Config)
			problems := []error{conf.Unmarshal(cfg)}
			if problems[0] == nil {
				_, fromFactory := NewFactory().CreateMetrics(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
				problems = []error{cfg.Validate()}
				if !slices.ContainsFunc([]string{"rate_limit", "memoize", "buffer"}, func(s string) bool { return strings.HasPrefix(name, s) }) { // rules are compiled again
					problems = append(problems, fromFactory)
				}
			}
			for _, err := range problems {
				for _, want := range badConfigs[name] {
					assert.ErrorContains(t, err, want)
				}
			}
		})
	}
}

func TestValidateErrorModeSetInCode(t *testing.T) {
	cfg := &Config{ErrorMode: "loudly"}
	require.ErrorContains(t, cfg.Validate(), `error_mode: must be ignore, silent or propagate, not "loudly"`)
}
