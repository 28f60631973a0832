package prometheusscrapereceiver

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"

	"github.com/sluice-metrics/sluice/internal/scrapeconfig"
)

// load reads a file as the collector does, variables and `$$` included.
func load(t *testing.T, file, id string) *Config {
	t.Helper()
	sub, err := resolve(t, "file:"+filepath.Join("testdata", file)).Sub(id)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	return cfg
}

func read(t *testing.T, cfg *Config) *scrapeconfig.Config {
	t.Helper()
	got, err := cfg.read(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return got
}

func TestDefaultConfig(t *testing.T) {
	cfg := load(t, "config.yaml", "prometheus_scrape")
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
	assert.Equal(t, createDefaultConfig(), cfg)
	assert.Equal(t, 5*time.Second, cfg.ConfigFilePollInterval)
	assert.Equal(t, 512*units.MiB, cfg.MaxBodyMemory)
	assert.Equal(t, ShardConfig{Index: 0, Total: 1}, cfg.Shard)
	assert.Equal(t, "127.0.0.1:9090", cfg.APIServer.ServerConfig.NetAddr.Endpoint)
	assert.Equal(t, 10*time.Minute, cfg.APIServer.ServerConfig.ReadTimeout)
	assert.Equal(t, 512, cfg.APIServer.MaxConnections)
	assert.False(t, cfg.TargetAllocator.HasValue())
}

func TestInlineConfig(t *testing.T) {
	cfg := load(t, "config.yaml", "prometheus_scrape/inline")
	require.NoError(t, confmap.Validate(cfg))
	got := read(t, cfg)
	assert.Equal(t, []string{"rule_files", "storage"}, got.Ignored)
	require.Len(t, got.Jobs, 1)
	job := got.Jobs[0]
	assert.Equal(t, model.Duration(15*time.Second), job.ScrapeInterval)
	assert.Equal(t, uint(5000), job.SampleLimit)
	assert.Equal(t, 8*units.MiB, job.BodySizeLimit)
	assert.True(t, job.HonorLabels)
	assert.Equal(t, "$1-x", job.RelabelConfigs[0].Replacement)
	assert.Equal(t, model.LabelValue("007"), job.ServiceDiscoveryConfigs[0].(discovery.StaticConfig)[0].Labels["zone"])
	assert.Empty(t, job.ScrapeFallbackProtocol, "as Prometheus: pages without a content type are refused")
}

func TestFullConfig(t *testing.T) {
	cfg := load(t, "config.yaml", "prometheus_scrape/all")
	require.NoError(t, confmap.Validate(cfg))
	want := createDefaultConfig().(*Config)
	want.ConfigFile = "testdata/prometheus.yml"
	want.ConfigFilePollInterval = time.Minute
	want.Shard = ShardConfig{Index: 2, Total: 3}
	want.Strict = true
	want.MaxBodyMemory = 64 * units.MiB
	want.TrimMetricSuffixes, want.ScrapeOnShutdown, want.DiscoveryReloadOnStartup = true, true, true
	want.InitialScrapeOffset = 10 * time.Second
	want.APIServer.Enabled = true
	want.APIServer.MaxConnections = 7
	want.APIServer.ServerConfig.NetAddr.Endpoint = "localhost:9091"
	want.TargetAllocator = cfg.TargetAllocator
	want.RateLimit = RateLimitConfig{RequestsPerSecond: 100, Burst: 20}
	want.JobRateLimit = RateLimitConfig{RequestsPerSecond: 50.5}
	want.TargetRateLimit = RateLimitConfig{RequestsPerSecond: 0.1}
	want.MaxConcurrency, want.BatchSize = 200, 8192
	want.CircuitBreaker = CircuitBreakerConfig{
		Enabled: true, FailureThreshold: 3, Timeout: 10 * time.Second, MaxTimeout: 5 * time.Minute, HalfOpenProbes: 2, StatusThreshold: 0.25,
	}
	want.Backpressure = configoptional.Some(BackpressureConfig{Strategy: "block", BufferSize: 5000, DropThreshold: 0.5, AlertThreshold: 0.6})
	want.Jobs = map[string]JobConfig{"kubelet": {
		RateLimit: RateLimitConfig{RequestsPerSecond: 10}, TargetRateLimit: RateLimitConfig{RequestsPerSecond: 1, Burst: 3},
		MaxConcurrency: 5, SampleBudget: 100_000,
	}}
	assert.Equal(t, want, cfg)
}

func TestConfigFileIsReadVerbatim(t *testing.T) {
	cfg := load(t, "config.yaml", "prometheus_scrape/all")
	cfg.FallbackToText = true
	jobs := read(t, cfg).Jobs
	require.Len(t, jobs, 2)
	assert.Equal(t, model.LabelValue("007"), jobs[0].ServiceDiscoveryConfigs[0].(discovery.StaticConfig)[0].Labels["zone"])
	assert.Equal(t, "$1", jobs[0].RelabelConfigs[0].Replacement)
	assert.Equal(t, promconfig.PrometheusText0_0_4, jobs[0].ScrapeFallbackProtocol)
	assert.Equal(t, promconfig.OpenMetricsText1_0_0, jobs[1].ScrapeFallbackProtocol, "the job's own")
}

func TestTargetAllocatorIsReadThroughYAML(t *testing.T) {
	cfg := load(t, "config.yaml", "prometheus_scrape/all")
	ta := cfg.TargetAllocator.Get()
	assert.Equal(t, "http://allocator:80", ta.ClientConfig.Endpoint)
	assert.Equal(t, 5*time.Second, ta.ClientConfig.Timeout)
	assert.Equal(t, 10*time.Second, ta.Interval)
	assert.Equal(t, "edge-1", ta.CollectorID)
	sd, err := ta.sd()
	require.NoError(t, err)
	assert.Equal(t, model.Duration(20*time.Second), sd.RefreshInterval)
	assert.Equal(t, "secret", string(sd.HTTPClientConfig.BasicAuth.Password))
	assert.True(t, sd.HTTPClientConfig.FollowRedirects, "the defaults are Prometheus'")
	scrape, err := ta.scrapeClient()
	require.NoError(t, err)
	assert.Equal(t, "token", string(scrape.Authorization.Credentials))
	assert.Equal(t, "Bearer", scrape.Authorization.Type)
	assert.True(t, scrape.EnableHTTP2)
}

func TestTargetAllocatorDefaults(t *testing.T) {
	cfg := parse(t, `{target_allocator: {endpoint: "http://allocator", collector_id: a}}`)
	require.NoError(t, confmap.Validate(cfg))
	ta := cfg.TargetAllocator.Get()
	assert.Equal(t, 30*time.Second, ta.Interval)
	sd, err := ta.sd()
	require.NoError(t, err)
	assert.Equal(t, model.Duration(30*time.Second), sd.RefreshInterval)
	scrape, err := ta.scrapeClient()
	require.NoError(t, err)
	assert.Nil(t, scrape)
	assert.Empty(t, read(t, cfg).Jobs)
	assert.Equal(t, promconfig.DefaultGlobalConfig.ScrapeInterval, read(t, cfg).Global.ScrapeInterval)
}

func TestSourcesThatGoTogether(t *testing.T) {
	const allocator = `target_allocator: {endpoint: "http://allocator", collector_id: a}`
	for _, text := range []string{
		"{" + allocator + "}",
		"{" + allocator + ", config: {global: {scrape_interval: 10s}}}",
		"{" + allocator + ", config: {scrape_configs: [{job_name: a}]}}",
		"{" + allocator + ", config_file: testdata/prometheus.yml}",
		"{config: {scrape_config_files: [testdata/jobs.yml]}}",
	} {
		require.NoError(t, confmap.Validate(parse(t, text)), text)
	}
	cfg := createDefaultConfig().(*Config)
	require.Error(t, cfg.Validate())
	cfg.Collections = map[string]Collection{"own": {}}
	require.NoError(t, cfg.Validate())
	cfg = createDefaultConfig().(*Config)
	cfg.Prometheus = NewSection(map[string]any{"scrape_configs": []any{map[string]any{"job_name": "a"}}})
	require.NoError(t, cfg.Validate())
}

func TestBadConfigs(t *testing.T) {
	for file, keys := range map[string][]string{
		"bad_none.yaml":             {"one of `config`, `config_file` and `target_allocator` must be given"},
		"bad_both.yaml":             {"`config` and `config_file` must not both be given"},
		"bad_no_jobs.yaml":          {"`config` must hold `scrape_configs` or `scrape_config_files`, unless `target_allocator`"},
		"bad_config.yaml":           {"`config`: ", "field scrape_intervall not found"},
		"bad_discovery.yaml":        {"`config`: ", "job \"cloud\": `ec2_sd_configs` is not supported; these are: static_configs"},
		"bad_config_file.yaml":      {"`config_file`: ", "testdata/nowhere.yml"},
		"bad_config_file_text.yaml": {"`config_file`: testdata/config.yaml: ", "line 1: field prometheus_scrape not found"},
		"bad_labels.yaml": {
			"`config`: ", "`scrape_configs[0]::params::n` must be a string", "`scrape_configs[0]::static_configs[0]::labels::version` must be",
		},
		"bad_files.yaml": {
			"`config`: job \"a\": `authorization::credentials_file`: stat /nowhere/credentials",
			"`tls_config::cert_file`: stat /nowhere/crt", "`tls_config::key_file`: stat /nowhere/key",
			"job \"b\": kubernetes_sd_configs: `tls_config::cert_file`",
		},
		"bad_poll_interval.yaml": {"`config_file_poll_interval` must not be negative"},
		"bad_target_allocator.yaml": {
			"`target_allocator::endpoint` must be a URL", "`target_allocator::interval` must be positive",
			"`target_allocator::collector_id`", "`target_allocator::http_sd_config`: ", "field refresh_intervall not found",
			"`target_allocator::http_scrape_config`: at most one of bearer_token",
		},
		"bad_target_allocator_files.yaml": {
			"target_allocator::http_sd_config: `authorization::credentials_file`: stat /nowhere/a",
			"target_allocator::http_scrape_config: `tls_config::cert_file`", "`tls_config::key_file`",
		},
		"bad_shard_total.yaml":           {"`shard::total` must be at least 1, got 0", "`shard::index` must not be negative, got -1"},
		"bad_shard_index.yaml":           {"`shard::index` must be from 0 to 2, as `shard::total` is 3, got 3"},
		"bad_max_body_memory.yaml":       {"`max_body_memory` must not be negative"},
		"bad_initial_scrape_offset.yaml": {"`initial_scrape_offset` must not be negative"},
		"bad_api_server.yaml": {
			"`api_server::max_connections` must not be negative", "`api_server::server_config`: `endpoint` must be host:port",
		},
		"bad_protection.yaml": {
			"`rate_limit::requests_per_second` must be 0 or more, got -1",
			"`job_rate_limit::burst` has no effect without `requests_per_second`",
			"`target_rate_limit::requests_per_second` must be 0 or more, got NaN", "`target_rate_limit::burst` must not be negative, got -1",
			"`max_concurrency` must not be negative, got -1", "`batch_size` must not be negative, got -2",
			"`circuit_breaker::failure_threshold` must be positive, got 0", "`circuit_breaker::timeout` must be positive, got 0s",
			"`circuit_breaker::max_timeout` must not be less than `timeout` (0s), got -1s",
			"`circuit_breaker::half_open_probes` must be positive, got 0", "`circuit_breaker::jitter` must be from 0 to 1, got 2",
			"`circuit_breaker::status_threshold` must be more than 0 and at most 1, got 0",
			"`backpressure::strategy` must be adaptive, drop or block, got \"hope\"", "`backpressure::buffer_size` must be positive, got 0",
			"`backpressure::drop_threshold` must be more than 0", "`backpressure::alert_threshold` must be more than 0 and at most 1, got 1.1",
			"`jobs::a::rate_limit::requests_per_second`", "`jobs::a::target_rate_limit::requests_per_second`",
			"`jobs::a::max_concurrency` must not be negative, got -4", "`jobs::a::sample_budget` must not be negative, got -5",
		},
		"bad_all_at_once.yaml": {
			"`config`: ", "job_name is empty", "`target_allocator::collector_id`", "`shard::index`", "`max_body_memory`",
		},
	} {
		t.Run(file, func(t *testing.T) {
			err := confmap.Validate(load(t, file, "prometheus_scrape"))
			for _, key := range keys {
				require.ErrorContains(t, err, key)
			}
		})
	}
}

func TestEveryBadFileIsTested(t *testing.T) {
	files, err := filepath.Glob("testdata/bad_*.yaml")
	require.NoError(t, err)
	for _, file := range files {
		require.Error(t, confmap.Validate(load(t, filepath.Base(file), "prometheus_scrape")), file)
	}
}

func TestUnknownKeysAreRefused(t *testing.T) {
	err := confmap.NewFromStringMap(map[string]any{"scrape_interval": "5s"}).Unmarshal(createDefaultConfig())
	require.ErrorContains(t, err, "scrape_interval")
}

func TestMaxBodyMemoryHasAUnit(t *testing.T) {
	for text, want := range map[string]units.Base2Bytes{"{max_body_memory: 1.5GiB}": 3 << 29, "{max_body_memory: 0}": 0} {
		assert.Equal(t, want, parse(t, text).MaxBodyMemory)
	}
}
