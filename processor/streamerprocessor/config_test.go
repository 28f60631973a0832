package streamerprocessor

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
	}, load("streamer"))
	assert.Equal(t, &Config{
		ErrorMode: ottl.SilentError, Memoize: true, MemoizeMaxSeries: 1000, MemoizeExpiration: time.Hour,
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

// badConfigs holds, by file, what the error must say.
var badConfigs = map[string][]string{
	"error_mode":         {`unknown error mode loudly`},
	"rule_error_mode":    {`'rules[0].error_mode'`, `unknown error mode quietly`},
	"no_action":          {`rules[2] ("nothing"): exactly one of drop, keep, transform, `},
	"two_actions":        {`rules[0]: exactly one of drop, keep, transform, `},
	"empty_action":       {`rules[0]: exactly one of drop, keep, transform, relabel, constrain, metrics, metric_conditions, metric_statements and function must be set, and not be empty`},
	"duplicate_name":     {`rules[1]: name is already used by rules[0]`},
	"keep_contexts":      {`rules[0]: keep[1]: all conditions of one keep rule must be of the same context`, `of context resource`},
	"drop_syntax":        {`rules[1] ("no-debug"): drop[0]: condition has invalid syntax: 1:16: `},
	"keep_path":          {`rules[0]: keep[0]: `, `metric.nosuch`},
	"keep_no_context":    {`rules[0]: keep[0]: unable to infer context`},
	"transform_syntax":   {`rules[0]: transform[1]: `, `1:17: `},
	"transform_function": {`rules[0]: transform[0]: `, `nosuch`},
	"transform_group":    {`rules[0]: transform: `, `convert_gauge_to_sum`},
	"other_signal":       {`rules[0]: drop[0]: `, `"log"`},
	"unknown_key":        {`'rules[0]' has invalid keys: when`},
	"many":               {`rules[0] ("first"): drop[0]: `, `rules[0] ("first"): drop[1]: `, `rules[1] ("second"): exactly one`},
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
				problems = []error{cfg.Validate(), fromFactory}
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
