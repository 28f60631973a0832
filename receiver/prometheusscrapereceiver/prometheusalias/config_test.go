package prometheusalias

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"

	"github.com/sluice-metrics/sluice/receiver/prometheusscrapereceiver"
)

// contribs are configurations that contrib's prometheusreceiver v0.159.0 takes: the first ones are the examples of its
// README, the others have its keys.
var contribs = map[string]string{
	"getting started": `
config:
  scrape_configs:
    - job_name: 'otel-collector'
      scrape_interval: 5s
      static_configs:
        - targets: ['0.0.0.0:8888']
    - job_name: k8s
      kubernetes_sd_configs:
      - role: pod
      relabel_configs:
      - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape]
        regex: "true"
        action: keep
      metric_relabel_configs:
      - source_labels: [__name__]
        regex: "(request_duration_seconds.*|response_duration_seconds.*)"
        action: keep
`,
	"native histograms": `
config:
  global:
    scrape_protocols: [ PrometheusProto, OpenMetricsText1.0.0, OpenMetricsText0.0.1, PrometheusText0.0.4 ]
    scrape_native_histograms: true
  scrape_configs:
    - job_name: 'my-app'
      static_configs:
        - targets: ['localhost:8080']
`,
	"operator": `
target_allocator:
  endpoint: http://my-targetallocator-service
  interval: 30s
  collector_id: collector-1
`,
	"api server": `
api_server:
  enabled: true
  max_connections: 512
  server_config:
    endpoint: "127.0.0.1:9090"
config:
  scrape_configs: [{job_name: a}]
`,
	"its own keys": `
trim_metric_suffixes: true
scrape_on_shutdown: true
discovery_reload_on_startup: true
initial_scrape_offset: 10s
config:
  scrape_configs: [{job_name: a, scrape_interval: 5s, fallback_scrape_protocol: OpenMetricsText1.0.0}]
`,
	"allocator with everything": `
target_allocator:
  endpoint: https://allocator:8443
  timeout: 5s
  proxy_url: http://proxy:3128
  headers: {x-tenant: edge}
  tls: {ca_file: ca.crt, cert_file: client.crt, key_file: client.key, server_name_override: a, min_version: "1.3"}
  interval: 30s
  collector_id: collector-1
  http_sd_config:
    url: http://is-not-used
    refresh_interval: 60s
    basic_auth: {username: prometheus, password: changeme}
  http_scrape_config:
    basic_auth: {username: scrape, password: "%changeme"}
    http_headers: {X-Tenant: {values: [edge]}}
config:
  global: {scrape_interval: 30s}
`,
	"relabelling": `
config:
  scrape_configs:
    - job_name: apps
      kubernetes_sd_configs:
        - role: pod
          selectors: [{role: pod, field: "spec.nodeName=node-1"}]
      relabel_configs:
        - source_labels: [__address__, __meta_kubernetes_pod_annotation_prometheus_io_port]
          action: replace
          target_label: __address__
          regex: ([^:]+)(?::\d+)?;(\d+)
          replacement: $$1:$$2
        - {source_labels: [__meta_kubernetes_namespace], action: replace, target_label: kubernetes_namespace}
    - job_name: files
      file_sd_configs: [{files: [./not-there-yet.json]}]
    - job_name: names
      dns_sd_configs: [{names: [one]}]
    - job_name: services
      consul_sd_configs: [{server: one}]
`,
	"an api server that is off may be wrong": `
api_server: {server_config: {endpoint: ""}}
config: {scrape_configs: [{job_name: a}]}
`,
}

// refused are configurations that contrib refuses, and what is said of them here.
var refused = map[string]string{
	"{}": "one of `config`, `config_file` and `target_allocator`",
	"config: {global: {scrape_interval: 30s}}":                                                                               "`scrape_configs`",
	"config: {use_start_time_metric: true, scrape_configs: [{job_name: a}]}":                                                 "`config`: ",
	"config: {scrape_configs: [{job_name: a, tls_config: {cert_file: a.crt}}]}":                                              "exactly one of key or key_file",
	"config: {scrape_configs: [{job_name: a, tls_config: {key_file: a.key}}]}":                                               "exactly one of cert or cert_file",
	"config: {scrape_configs: [{job_name: a, authorization: {credentials_file: /nowhere/a}}]}":                               "`authorization::credentials_file`",
	"config: {scrape_configs: [{job_name: a, tls_config: {cert_file: /nowhere/a, key_file: factory.go}}]}":                   "`tls_config::cert_file`",
	"config: {scrape_configs: [{job_name: a, tls_config: {cert_file: factory.go, key_file: /nowhere/a}}]}":                   "`tls_config::key_file`",
	"config: {scrape_configs: [{job_name: a, kubernetes_sd_configs: [{role: pod, tls_config: {cert_file: a}}]}]}":            "exactly one of key or key_file",
	"target_allocator: {interval: 30s, collector_id: a}":                                                                     "`target_allocator::endpoint`",
	"target_allocator: {endpoint: 'http://a', interval: 30s}":                                                                "`target_allocator::collector_id`",
	"target_allocator: {endpoint: 'http://a', collector_id: a, interval: -1s}":                                               "`target_allocator::interval`",
	"target_allocator: {endpoint: 'http://a', collector_id: a, http_scrape_config: {bearer_token: a, bearer_token_file: b}}": "`target_allocator::http_scrape_config`",
}

// accepted are configurations that contrib refuses and that are right here, with the reasons.
var accepted = map[string]string{
	"config: {scrape_configs: [{job_name: a}], rule_files: [a], alerting: {alertmanagers: []}, remote_write: [{url: 'http://a'}]}": "is left out, with a warning",
	"target_allocator: {endpoint: 'http://a', collector_id: a}":                                                                    "the interval has a default",
	"config_file: ../testdata/prometheus.yml":                                                                                      "a key of prometheus_scrape",
}

func load(t *testing.T, text string) *prometheusscrapereceiver.Config {
	t.Helper()
	resolver, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs: []string{"yaml:" + text}, ProviderFactories: []confmap.ProviderFactory{yamlprovider.NewFactory()},
	})
	require.NoError(t, err)
	conf, err := resolver.Resolve(t.Context())
	require.NoError(t, err)
	cfg := createDefaultConfig().(*prometheusscrapereceiver.Config)
	require.NoError(t, conf.Unmarshal(cfg))
	return cfg
}

func TestContribsConfigsWork(t *testing.T) {
	for name, text := range contribs {
		t.Run(name, func(t *testing.T) { require.NoError(t, confmap.Validate(load(t, text))) })
	}
}

func TestContribsKeysMeanTheSame(t *testing.T) {
	cfg := load(t, contribs["its own keys"])
	assert.True(t, cfg.TrimMetricSuffixes)
	assert.True(t, cfg.ScrapeOnShutdown)
	assert.True(t, cfg.DiscoveryReloadOnStartup)
	assert.Equal(t, 10*time.Second, cfg.InitialScrapeOffset)
	assert.False(t, cfg.APIServer.Enabled)

	cfg = load(t, contribs["api server"])
	assert.True(t, cfg.APIServer.Enabled)
	assert.Equal(t, "127.0.0.1:9090", cfg.APIServer.ServerConfig.NetAddr.Endpoint)

	ta := load(t, contribs["allocator with everything"]).TargetAllocator.Get()
	assert.Equal(t, "https://allocator:8443", ta.ClientConfig.Endpoint)
	assert.Equal(t, "client.crt", ta.ClientConfig.TLS.CertFile)
	assert.Equal(t, 30*time.Second, ta.Interval)
}

func TestWhatContribRefuses(t *testing.T) {
	for text, says := range refused {
		require.ErrorContains(t, confmap.Validate(load(t, text)), says, text)
	}
	for text, reason := range accepted {
		require.NoError(t, confmap.Validate(load(t, text)), "%s: %s", text, reason)
	}
	unknown := confmap.NewFromStringMap(map[string]any{"unknow_section": 1})
	require.ErrorContains(t, unknown.Unmarshal(createDefaultConfig()), "unknow_section")
	transport := confmap.NewFromStringMap(map[string]any{"api_server": map[string]any{"server_config": map[string]any{"transport": "x"}}})
	require.ErrorContains(t, transport.Unmarshal(createDefaultConfig()), "api_server")
}

// These run in contrib, and must be changed: each error says how.
func TestWhatOnlyContribTakes(t *testing.T) {
	for text, says := range map[string]string{
		"config: {scrape_configs: [{job_name: a, ec2_sd_configs: [{region: eu}]}]}":                                         "`ec2_sd_configs` is not supported",
		"config: {scrape_configs: [{job_name: a, static_configs: [{targets: ['a:1'], labels: {a: 1.10}}]}]}":                "so quote it",
		"target_allocator: {endpoint: 'http://a', interval: 30s, collector_id: a, http_sd_config: {refresh_intervall: 1s}}": "refresh_intervall",
		"{initial_scrape_offset: -1s, config: {scrape_configs: [{job_name: a}]}}":                                           "`initial_scrape_offset`",
	} {
		require.ErrorContains(t, confmap.Validate(load(t, text)), says, text)
	}
}
