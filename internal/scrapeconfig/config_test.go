package scrapeconfig

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

var quiet = slog.New(slog.DiscardHandler)

func load(t *testing.T, text string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "prometheus.yml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return Load(path, quiet)
}

func TestLoadReadsAPrometheusFile(t *testing.T) {
	cfg, err := load(t, `
global:
  scrape_interval: 7s
  external_labels: {cluster: "1.10"}
rule_files: [rules.yml]
alerting:
  alertmanagers:
    - ec2_sd_configs: [{region: eu}]
scrape_configs:
  - job_name: node
    static_configs:
      - targets: ["localhost:9100"]
        labels: {zone: 007}
    relabel_configs:
      - {source_labels: [a], regex: "(.*)", target_label: b, replacement: "$1-x"}
  - job_name: files
    file_sd_configs: [{files: [targets/*.json]}]
remote_write:
  - url: http://localhost/write
`)
	require.NoError(t, err)
	assert.Equal(t, []string{"rule_files", "alerting", "remote_write"}, cfg.Ignored)
	require.Len(t, cfg.Jobs, 2)
	assert.Equal(t, model.Duration(7*time.Second), cfg.Jobs[0].ScrapeInterval)
	assert.Equal(t, "$1-x", cfg.Jobs[0].RelabelConfigs[0].Replacement)
	assert.Equal(t, "1.10", cfg.Global.ExternalLabels.Get("cluster"))
}

func TestDiscoveryThatIsNotSupportedIsNamed(t *testing.T) {
	_, err := load(t, `
scrape_configs:
  - job_name: cloud
    ec2_sd_configs: [{region: eu}]
  - job_name: more
    gce_sd_configs: []
`)
	require.ErrorContains(t, err, "line 4: job \"cloud\": `ec2_sd_configs` is not supported; these are: static_configs, file_sd_configs")
	require.ErrorContains(t, err, "line 6: job \"more\": `gce_sd_configs`")
}

func TestErrorsNameTheLineOfTheFile(t *testing.T) {
	_, err := load(t, `
rule_files:
  - a.yml
scrape_configs:
  - job_name: x
    scrape_intervall: 5s
`)
	require.ErrorContains(t, err, "line 6: field scrape_intervall not found")
}

func TestMoreJobsFromFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("prometheus.yml", "scrape_config_files: [jobs/*.yml]\n")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "jobs"), 0o700))
	write("jobs/a.yml", "scrape_configs: [{job_name: a, static_configs: [{targets: [\"h:1\"]}]}]\n")
	cfg, err := Load(filepath.Join(dir, "prometheus.yml"), quiet)
	require.NoError(t, err)
	require.Len(t, cfg.Jobs, 1)
	write("jobs/b.yml", "scrape_configs: [{job_name: b, azure_sd_configs: []}]\n")
	_, err = Load(filepath.Join(dir, "prometheus.yml"), quiet)
	require.ErrorContains(t, err, "b.yml: line 1: job \"b\": `azure_sd_configs` is not supported")
}

// Each mechanism is registered: Prometheus would call it an unknown field otherwise.
func TestDiscoveryThatIsSupported(t *testing.T) {
	for _, text := range []string{
		"static_configs: [{targets: [\"h:1\"]}]", "file_sd_configs: [{files: [a.json]}]", "http_sd_configs: [{url: \"http://h\"}]",
		"dns_sd_configs: [{names: [a], type: A, port: 1}]", "kubernetes_sd_configs: [{role: pod}]", "consul_sd_configs: [{server: \"h:1\"}]",
	} {
		cfg, err := load(t, "scrape_configs:\n  - job_name: x\n    "+text+"\n")
		require.NoError(t, err, text)
		assert.NotEmpty(t, cfg.Jobs[0].ServiceDiscoveryConfigs, text)
	}
}

func fromYAML(t *testing.T, text string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "section.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	conf, err := confmaptest.LoadConf(path)
	require.NoError(t, err)
	return FromMap(conf.ToStringMap(), quiet)
}

func TestFromMapReadsASection(t *testing.T) {
	cfg, err := fromYAML(t, `
scrape_configs:
  - job_name: otel
    scrape_interval: 5s
    params: {module: [http_2xx]}
    static_configs: [{targets: ["localhost:8888"], labels: {a: "1.10", b: "007"}}]
`)
	require.NoError(t, err)
	require.Len(t, cfg.Jobs, 1)
	assert.Equal(t, model.Duration(5*time.Second), cfg.Jobs[0].ScrapeInterval)
}

func TestValuesTheCollectorHasChangedAreRefused(t *testing.T) {
	_, err := fromYAML(t, `
global: {external_labels: {version: 1.10}}
scrape_configs:
  - job_name: otel
    params: {number: [007, "ok"]}
    static_configs: [{targets: ["localhost:8888"], labels: {a: true, b: "x"}}]
`)
	for _, want := range []string{
		"`global::external_labels::version` must be a string, so quote it: the collector has read 1.1",
		"`scrape_configs[0]::params::number` must be a string, so quote it: the collector has read 7",
		"`scrape_configs[0]::static_configs[0]::labels::a` must be a string, so quote it: the collector has read true",
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestAnEmptyFileScrapesNothing(t *testing.T) {
	cfg, err := load(t, "")
	require.NoError(t, err)
	assert.Empty(t, cfg.Jobs)
	_, err = load(t, "[]")
	require.ErrorContains(t, err, "line 1: a map of sections was expected")
}
