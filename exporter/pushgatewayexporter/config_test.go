package pushgatewayexporter

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/exposition"
	"github.com/sluice-metrics/sluice/internal/limiter"
	"github.com/sluice-metrics/sluice/internal/pushgroup"
)

func load(t *testing.T, file, id string) *Config {
	t.Helper()
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", file))
	require.NoError(t, err)
	sub, err := conf.Sub(id)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	return cfg
}

func TestDefaultConfig(t *testing.T) {
	cfg := load(t, "config.yaml", "pushgateway")
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
	require.NoError(t, confmap.Validate(cfg))
	assert.Equal(t, createDefaultConfig(), cfg)
	assert.Equal(t, 30*time.Second, cfg.ClientConfig.Timeout)
	assert.Equal(t, 5*time.Minute, cfg.expiration())
	assert.Equal(t, pushgroup.Options{
		URL:   "http://localhost:9091",
		Store: exposition.Options{Strategy: otlptranslator.UnderscoreEscapingWithSuffixes, Expiration: 5 * time.Minute, MaxSeries: 10_000, MaxMemory: 512 << 20},
		Rules: []pushgroup.Rule{
			{Label: "job", Attribute: "service.name", Default: "unknown_service"}, {Label: "instance", Attribute: "service.instance.id"},
		},
		Method: http.MethodPut, Interval: 30 * time.Second, MaxGroups: 100, MaxBody: 16 << 20, Concurrency: 2,
		Retry: pushgroup.Retry{
			Enabled: true, Initial: 5 * time.Second, Max: 30 * time.Second, Multiplier: 1.5, Randomization: 0.5, MaxElapsed: 5 * time.Minute,
		},
		Rate:    limiter.Rate{Burst: 1},
		Breaker: &breaker.Config{Threshold: 5, Timeout: 5 * time.Second, MaxTimeout: 2 * time.Minute, Probes: 1, Jitter: 0.1},
		Probe:   30 * time.Second, OnShutdown: pushgroup.FinalPush, Patience: 30 * time.Second,
	}, cfg.options())
}

func TestFullConfig(t *testing.T) {
	cfg := load(t, "config.yaml", "pushgateway/all")
	require.NoError(t, confmap.Validate(cfg))
	assert.Equal(t, pushgroup.Options{
		URL: "https://push.example.com/gateway",
		Store: exposition.Options{
			Strategy: otlptranslator.NoTranslation, WithoutScopeInfo: true, WithoutTargetInfo: true, MaxSeries: 500, MaxMemory: 64 << 20,
		},
		Rules: []pushgroup.Rule{
			{Label: "job", Value: "nightly", Attribute: "service.name", Default: "unknown_service"},
			{Label: "instance", Attribute: "host.name"},
			{Label: "region", Attribute: "cloud.region", Default: "eu"},
		},
		Method: http.MethodPost, Interval: time.Minute, TTL: 24 * time.Hour, MaxGroups: 1000, MaxBody: 1 << 20, Concurrency: 4,
		Retry: pushgroup.Retry{
			Enabled: true, Initial: time.Second, Max: 10 * time.Second, Multiplier: 2, Randomization: 0.2, MaxElapsed: time.Minute,
		},
		Rate:    limiter.Rate{PerSecond: 2.5, Burst: 10},
		Breaker: &breaker.Config{Threshold: 3, Timeout: time.Second, MaxTimeout: 30 * time.Second, Probes: 1, Jitter: 0.1},
		Probe:   10 * time.Second, OnShutdown: pushgroup.Delete, Patience: 10 * time.Second,
	}, cfg.options())
}

// TestGroupingReplacesTheDefault: a map is not merged into the one of the default.
func TestGroupingReplacesTheDefault(t *testing.T) {
	cfg := load(t, "config.yaml", "pushgateway/job_only")
	require.NoError(t, confmap.Validate(cfg))
	assert.Len(t, cfg.options().Rules, 1)
	assert.Nil(t, cfg.options().Breaker)
	assert.False(t, cfg.options().Retry.Enabled)
	conf := confmap.NewFromStringMap(map[string]any{"grouping": map[string]any{"region": map[string]any{"value": "eu"}}})
	cfg = createDefaultConfig().(*Config)
	require.NoError(t, conf.Unmarshal(cfg))
	assert.Equal(t, map[string]LabelConfig{"region": {Value: "eu"}}, cfg.Grouping)
	assert.Len(t, createDefaultConfig().(*Config).Grouping, 1)
}

func TestBadConfigs(t *testing.T) {
	for file, keys := range map[string][]string{
		"bad_endpoint.yaml":       {"`endpoint` must be a URL such as"},
		"bad_endpoint_query.yaml": {"`endpoint` must be a URL without query"},
		"bad_compression.yaml":    {"`compression` must be \"gzip\" or \"none\", got \"zstd\""},
		"bad_timeout.yaml":        {"`timeout` must be positive"},
		"bad_job.yaml":            {"`job` must have an `attribute`, a `value` or a `default`"},
		"bad_grouping.yaml": {
			"`grouping` must not hold \"job\": that is the key `job`", "`grouping` must not hold \"__x\": the name is reserved",
			"`grouping` must not hold \"a-b\": it is no label name", "`grouping` must not hold \"le\"", "`grouping` must not hold \"otel_scope_name\"",
			"`grouping::empty` must have an",
		},
		"bad_method.yaml":                {"`method` must be one of [\"put\" \"post\"], got \"patch\""},
		"bad_push_interval.yaml":         {"`push_interval` must be at least 100ms, got 10ms"},
		"bad_on_shutdown.yaml":           {"`on_shutdown` must be one of"},
		"bad_group_ttl.yaml":             {"`group_ttl` must not be negative"},
		"bad_metric_expiration.yaml":     {"`metric_expiration` must not be negative"},
		"bad_max_groups.yaml":            {"`max_groups` must not be negative"},
		"bad_max_series_per_group.yaml":  {"`max_series_per_group` must not be negative"},
		"bad_max_memory.yaml":            {"`max_memory` must not be negative"},
		"bad_max_body_bytes.yaml":        {"`max_body_bytes` must not be negative"},
		"bad_max_concurrent_pushes.yaml": {"`max_concurrent_pushes` must be positive"},
		"bad_retry.yaml":                 {"`retry::initial_interval` must be positive", "`retry::max_interval` must be positive"},
		"bad_rate_limit.yaml":            {"`rate_limit::requests_per_second` must not be negative", "`rate_limit::burst` must not be negative"},
		"bad_circuit_breaker.yaml": {
			"`circuit_breaker::failure_threshold` must be positive", "`circuit_breaker::timeout` must be positive",
			"`circuit_breaker::max_timeout` must be at least `circuit_breaker::timeout`",
		},
		"bad_health_check_interval.yaml": {"`health_check_interval` must not be negative"},
		"bad_translation_strategy.yaml":  {"`translation_strategy` is unknown: \"Upside\""},
		"bad_all_at_once.yaml":           {"`endpoint`", "`method`", "`max_groups`"},
	} {
		t.Run(file, func(t *testing.T) {
			err := load(t, file, "pushgateway").Validate()
			for _, key := range keys {
				require.ErrorContains(t, err, key)
			}
		})
	}
}

func TestLabelsMustBeUTF8(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Job = LabelConfig{Value: "\xff"}
	cfg.Grouping = map[string]LabelConfig{"a": {Default: "\xff"}}
	err := cfg.Validate()
	require.ErrorContains(t, err, "`job` must be UTF-8")
	require.ErrorContains(t, err, "`grouping::a` must be UTF-8")
}

func TestNamesInUTF8NeedTheirStrategy(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Grouping = map[string]LabelConfig{"k8s.pod": {Value: "p"}}
	require.ErrorContains(t, cfg.Validate(), "it is no label name under `translation_strategy` \"UnderscoreEscapingWithSuffixes\"")
	cfg.TranslationStrategy = otlptranslator.NoTranslation
	require.NoError(t, cfg.Validate())
}

func TestSizesHaveUnits(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"max_body_bytes": 4096, "max_memory": "1GiB"}).Unmarshal(cfg))
	assert.Equal(t, units.Base2Bytes(4096), cfg.MaxBodyBytes)
	assert.Equal(t, units.GiB, cfg.MaxMemory)
}

func TestExpirationOutlivesThePushInterval(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.PushInterval = 10 * time.Minute
	assert.Equal(t, 50*time.Minute, cfg.expiration())
	cfg.MetricExpiration = configoptional.Some(time.Minute)
	assert.Equal(t, time.Minute, cfg.expiration())
}
