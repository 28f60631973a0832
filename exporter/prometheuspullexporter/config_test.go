package prometheuspullexporter

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap/confmaptest"
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
	assert.Equal(t, 5*time.Minute, cfg.MetricExpiration)
	assert.Equal(t, 1_000_000, cfg.MaxSeries)
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
	want.WithoutScopeInfo, want.WithoutTargetInfo, want.SendTimestamps = true, true, true
	want.MetricExpiration = time.Hour
	want.MaxSeries = 5000
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
		"bad_all_at_once.yaml":            {"`endpoint`", "`metrics_path`", "`max_series`"},
	} {
		t.Run(file, func(t *testing.T) {
			err := load(t, file, "prometheus_pull").Validate()
			for _, key := range keys {
				require.ErrorContains(t, err, key)
			}
		})
	}
}
