package prometheusalias

import (
	"testing"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"

	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter"
)

// contribTestdata is testdata/config.yaml of contrib's prometheusexporter v0.159.0.
const contribTestdata = `
prometheus:
prometheus/2:
  endpoint: "1.2.3.4:1234"
  tls:
    ca_file: "certs/ca.crt"
    key_file: "certs/server.key"
    cert_file: "certs/server.crt"
  namespace: test-space
  const_labels:
    label1: value1
    "another label": spaced value
  send_timestamps: true
  metric_expiration: 60m
  add_metric_suffixes: false
`

// contribReadme is the example in README.md of contrib's prometheusexporter v0.159.0.
const contribReadme = `
prometheus:
  endpoint: "1.2.3.4:1234"
  tls:
    ca_file: "/path/to/ca.pem"
    cert_file: "/path/to/cert.pem"
    key_file: "/path/to/key.pem"
  namespace: test-space
  const_labels:
    label1: value1
    "another label": spaced value
  send_timestamps: true
  metric_expiration: 180m
  enable_open_metrics: true
  # Legacy configuration - deprecated, ignored when translation_strategy is set
  add_metric_suffixes: false
  translation_strategy: "UnderscoreEscapingWithoutSuffixes"
  resource_to_telemetry_conversion:
    enabled: true
`

// everyKey has every key that contrib's prometheusexporter v0.159.0 has beside those of the server.
const everyKey = `
prometheus:
  sending_queue: {enabled: true, sizer: items, queue_size: 5000, num_consumers: 1, block_on_overflow: true}
  namespace: shop
  const_labels: {region: eu}
  send_timestamps: true
  metric_expiration: 1h
  resource_to_telemetry_conversion: {enabled: true, exclude_service_attributes: true}
  enable_open_metrics: true
  without_scope_info: true
  add_metric_suffixes: true
  translation_strategy: NoUTF8EscapingWithSuffixes
`

func load(t *testing.T, yaml, id string) *Config {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	sub, err := conf.Sub(id)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
	return cfg
}

func TestContribsConfigurationsLoad(t *testing.T) {
	for name, c := range map[string]struct{ yaml, id string }{
		"empty":     {contribTestdata, "prometheus"},
		"testdata":  {contribTestdata, "prometheus/2"},
		"README":    {contribReadme, "prometheus"},
		"every key": {everyKey, "prometheus"},
	} {
		cfg := load(t, c.yaml, c.id)
		require.NoError(t, confmap.Validate(cfg), name)
		require.NoError(t, cfg.pull().Validate(), name)
	}
}

func TestDefaultsAreContribs(t *testing.T) {
	cfg := load(t, contribTestdata, "prometheus")
	assert.Equal(t, createDefaultConfig(), cfg)
	assert.False(t, cfg.Pull.EnableOpenMetrics)
	assert.False(t, cfg.QueueBatchConfig.HasValue())
	assert.True(t, cfg.AddMetricSuffixes)
	want := prometheuspullexporter.NewFactory().CreateDefaultConfig().(*prometheuspullexporter.Config)
	want.EnableOpenMetrics = false
	assert.Equal(t, want, cfg.pull())
}

func TestContribsKeysMeanTheSame(t *testing.T) {
	cfg := load(t, contribTestdata, "prometheus/2").pull()
	assert.Equal(t, "1.2.3.4:1234", cfg.ServerConfig.NetAddr.Endpoint)
	assert.Equal(t, "certs/server.crt", cfg.ServerConfig.TLS.Get().CertFile)
	assert.Equal(t, "test-space", cfg.Namespace)
	assert.Equal(t, map[string]string{"label1": "value1", "another label": "spaced value"}, cfg.ConstLabels)
	assert.Equal(t, time.Hour, *cfg.MetricExpiration.Get())
	assert.True(t, cfg.SendTimestamps)
	assert.Equal(t, otlptranslator.UnderscoreEscapingWithSuffixes, cfg.TranslationStrategy, "add_metric_suffixes has no effect")
	assert.False(t, cfg.EnableOpenMetrics)
	assert.Empty(t, cfg.ResourceLabels)

	cfg = load(t, contribReadme, "prometheus").pull()
	assert.Equal(t, otlptranslator.UnderscoreEscapingWithoutSuffixes, cfg.TranslationStrategy)
	assert.True(t, cfg.EnableOpenMetrics)
	assert.Equal(t, []string{"*"}, cfg.ResourceLabels.Include)
	assert.Empty(t, cfg.ResourceLabels.Exclude)

	alias := load(t, everyKey, "prometheus")
	assert.Equal(t, int64(5000), alias.QueueBatchConfig.Get().QueueSize)
	assert.Equal(t, []string{"service.name", "service.namespace", "service.instance.id"}, alias.pull().ResourceLabels.Exclude)
	assert.True(t, alias.pull().WithoutScopeInfo)
	assert.Equal(t, otlptranslator.NoUTF8EscapingWithSuffixes, alias.pull().TranslationStrategy)
}

func TestKeysOfPrometheusPullWorkToo(t *testing.T) {
	cfg := load(t, "prometheus: {max_series: 7, pages: [{path: /slo, match: [up]}], translation_strategy: ''}", "prometheus")
	require.NoError(t, confmap.Validate(cfg))
	assert.Equal(t, 7, cfg.pull().MaxSeries)
	assert.Equal(t, "/slo", cfg.pull().Pages[0].Path)
}

func TestBadConfigsAreRefused(t *testing.T) {
	for yaml, says := range map[string]string{
		"prometheus: {endpoint: ''}":                   "`endpoint`",
		"prometheus: {translation_strategy: Best}":     "`translation_strategy`",
		"prometheus: {sending_queue: {queue_size: 5}}": "`num_consumers`",
		"prometheus: {const_labels: {__name__: x}}":    "`const_labels`",
		"prometheus: {resource_labels: {include: ['k.*']}, resource_to_telemetry_conversion: {enabled: true}}": "must not both be given",
	} {
		require.ErrorContains(t, confmap.Validate(load(t, yaml, "prometheus")), says, yaml)
	}
	unknown := confmap.NewFromStringMap(map[string]any{"metrics_page": "/"})
	require.ErrorContains(t, unknown.Unmarshal(createDefaultConfig()), "metrics_page")
}
