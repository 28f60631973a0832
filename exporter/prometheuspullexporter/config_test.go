package prometheuspullexporter

import (
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

	"github.com/sluice-metrics/sluice/internal/exposition"
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
	cfg := load(t, "config.yaml", "prometheus_pull")
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
	require.NoError(t, cfg.Validate())
	assert.Equal(t, createDefaultConfig(), cfg)
	assert.Equal(t, "localhost:9464", cfg.ServerConfig.NetAddr.Endpoint)
	assert.Equal(t, 5*time.Minute, cfg.expiration())
	assert.Equal(t, time.Minute, cfg.ScrapeInterval)
	assert.Equal(t, 1_000_000, cfg.MaxSeries)
	assert.Equal(t, units.GiB, cfg.MaxMemory)
	assert.Equal(t, 5, cfg.MaxConcurrentScrapes)
	assert.Equal(t, time.Minute, cfg.ServerConfig.WriteTimeout)
}

func TestFullConfig(t *testing.T) {
	cfg := load(t, "config.yaml", "prometheus_pull/all")
	require.NoError(t, cfg.Validate())
	want := createDefaultConfig().(*Config)
	want.ServerConfig.NetAddr.Endpoint = "0.0.0.0:9090"
	want.ServerConfig.WriteTimeout = 2 * time.Minute
	want.MetricsPath = "/federate/metrics"
	want.TranslationStrategy = otlptranslator.NoTranslation
	want.Pages = []PageConfig{
		{Path: "/slo", Match: []string{`{job="api"}`, "up"}},
		{Path: "/", Match: []string{`{__name__=~"node_.+"}`}},
	}
	want.Namespace = "shop"
	want.ConstLabels = map[string]string{"region": "eu", "cloud.zone": "a"}
	want.ResourceLabels.Include = []string{"k8s.*", "host.name"}
	want.ResourceLabels.Exclude = []string{"k8s.*.uid"}
	want.WithoutScopeInfo, want.WithoutTargetInfo, want.SendTimestamps = true, true, true
	want.EnableOpenMetrics = false
	want.ExponentialHistogramsInText = "drop"
	want.ScrapeInterval = 15 * time.Second
	want.MetricExpiration = configoptional.Some(time.Hour)
	want.MaxSeries = 5000
	want.MaxMemory = 512 * units.MiB
	want.MaxConcurrentScrapes = 2
	assert.Equal(t, want, cfg)
}

func TestBadConfigs(t *testing.T) {
	for file, keys := range map[string][]string{
		"bad_endpoint.yaml":               {"`endpoint`"},
		"bad_metrics_path_relative.yaml":  {"`metrics_path` must begin"},
		"bad_metrics_path_pattern.yaml":   {"`metrics_path` must be a plain path"},
		"bad_metrics_path_slash.yaml":     {"`metrics_path` must be a plain path"},
		"bad_translation_strategy.yaml":   {"`translation_strategy`"},
		"bad_metric_expiration.yaml":      {"`metric_expiration`"},
		"bad_max_series.yaml":             {"`max_series`"},
		"bad_max_concurrent_scrapes.yaml": {"`max_concurrent_scrapes`"},
		"bad_scrape_interval.yaml":        {"`scrape_interval`"},
		"bad_max_memory.yaml":             {"`max_memory`"},
		"bad_exponential_in_text.yaml":    {"`exponential_histograms_in_text` must be \"classic\" or \"drop\""},
		"bad_namespace.yaml":              {"`namespace` must leave a valid name, got \"---\""},
		"bad_const_labels.yaml": {
			"must not hold \"__name__\": names that begin", "must not hold \"a_b\": another key becomes \"a_b\" too",
			"must not hold \"_\": it leaves no valid name", "must be UTF-8 without NUL, got \"nul\"",
		},
		"bad_resource_labels.yaml": {"`resource_labels::include`, which is empty", "`resource_labels::exclude` must not hold an empty key"},
		"bad_pages.yaml": {
			"`pages::0::path` is taken", "`pages::0::match`: must hold", "`pages::1::path` must begin",
			"`pages::1::match`: `match[]` \"up{\": ", "`pages::2::path` is taken",
		},
		"bad_all_at_once.yaml": {"`endpoint`", "`metrics_path`", "`max_series`"},
	} {
		t.Run(file, func(t *testing.T) {
			err := load(t, file, "prometheus_pull").Validate()
			for _, key := range keys {
				require.ErrorContains(t, err, key)
			}
		})
	}
}

func TestExpirationOutlivesTheScrapeInterval(t *testing.T) {
	for yaml, want := range map[string]time.Duration{
		"{}":                      5 * time.Minute,
		"{scrape_interval: 15s}":  5 * time.Minute,
		"{scrape_interval: 10m}":  50 * time.Minute,
		"{scrape_interval: 0}":    5 * time.Minute,
		"{metric_expiration: 1m}": time.Minute,
		"{metric_expiration: 0}":  0,
		"{metric_expiration: }":   5 * time.Minute,
		"{scrape_interval: 10m, metric_expiration: 90s}": 90 * time.Second,
	} {
		conf, err := confmap.NewRetrievedFromYAML([]byte(yaml))
		require.NoError(t, err)
		sub, err := conf.AsConf()
		require.NoError(t, err)
		cfg := createDefaultConfig().(*Config)
		require.NoError(t, sub.Unmarshal(cfg), yaml)
		require.NoError(t, cfg.Validate())
		assert.Equal(t, want, cfg.expiration(), yaml)
	}
}

func TestMaxMemoryHasAUnit(t *testing.T) {
	for value, want := range map[any]units.Base2Bytes{"512MiB": 512 << 20, "1.5GiB": 3 << 29, 0: 0, "0": 0, 4096: 4096} {
		cfg := createDefaultConfig().(*Config)
		require.NoError(t, confmap.NewFromStringMap(map[string]any{"max_memory": value}).Unmarshal(cfg))
		assert.Equal(t, want, cfg.MaxMemory)
	}
	require.ErrorContains(t, confmap.NewFromStringMap(map[string]any{"max_memory": "5 apples"}).Unmarshal(createDefaultConfig()), "max_memory")
}

func TestEmptyStrategyIsTheDefault(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.TranslationStrategy = ""
	require.NoError(t, cfg.Validate())
	opts, err := cfg.options()
	require.NoError(t, err)
	assert.Equal(t, otlptranslator.UnderscoreEscapingWithSuffixes, opts.Strategy)
}

func TestOptionsReachTheEngine(t *testing.T) {
	opts, err := load(t, "config.yaml", "prometheus_pull/all").options()
	require.NoError(t, err)
	assert.True(t, opts.ResourceLabels("k8s.pod.name"))
	assert.False(t, opts.ResourceLabels("k8s.pod.uid"))
	opts.ResourceLabels = nil
	assert.Equal(t, exposition.Options{
		Strategy: otlptranslator.NoTranslation, Namespace: "shop", ConstLabels: map[string]string{"region": "eu", "cloud.zone": "a"},
		WithoutScopeInfo: true, WithoutTargetInfo: true, SendTimestamps: true, DropExponentialInText: true,
		Expiration: time.Hour, MaxSeries: 5000, MaxMemory: 512 << 20,
	}, opts)
}
