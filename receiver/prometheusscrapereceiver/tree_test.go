package prometheusscrapereceiver

import (
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"pgregory.net/rapid"
)

// resolve is what the collector does before components see their configuration.
func resolve(t *testing.T, uri string) *confmap.Conf {
	t.Helper()
	resolver, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs:          []string{uri},
		DefaultScheme: "env",
		ProviderFactories: []confmap.ProviderFactory{
			envprovider.NewFactory(), fileprovider.NewFactory(), yamlprovider.NewFactory(),
		},
	})
	require.NoError(t, err)
	conf, err := resolver.Resolve(t.Context())
	require.NoError(t, err)
	return conf
}

func parse(t *testing.T, text string) *Config {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, resolve(t, "yaml:"+text).Unmarshal(cfg))
	return cfg
}

func TestVariablesAreReadAsTheyAreWritten(t *testing.T) {
	for key, value := range map[string]string{
		"PASSWORD": "0123", "ZONE": "1.10", "DAY": "2026-01-02", "EMPTY": "", "LIMIT": "5000", "HONOR": "true",
		"INTERVAL": "7s", "TARGETS": `["h:1", "h:2"]`, "JOB": "007", "TOKEN": "1e5", "NAME": "x",
	} {
		t.Setenv(key, value)
	}
	cfg := parse(t, `
config:
  global:
    external_labels: {zone: "${env:ZONE}"}
  scrape_configs:
    - job_name: ${env:JOB}
      scrape_interval: ${env:INTERVAL}
      scrape_timeout: ${env:INTERVAL}
      sample_limit: ${env:LIMIT}
      honor_labels: ${HONOR}
      basic_auth: {username: "${env:NAME}", password: "${env:PASSWORD}"}
      params: {day: ["${env:DAY}", "a-${env:ZONE}"]}
      static_configs:
        - targets: ${env:TARGETS}
          labels: {zone: "${env:ZONE}", empty: "${env:EMPTY}", price: $$1}
target_allocator:
  endpoint: http://allocator
  collector_id: ${env:JOB}
  http_scrape_config: {authorization: {credentials: "${env:TOKEN}"}}
`)
	require.NoError(t, confmap.Validate(cfg))
	got := read(t, cfg)
	assert.Equal(t, "1.10", got.Global.ExternalLabels.Get("zone"))
	job := got.Jobs[0]
	assert.Equal(t, "007", job.JobName)
	assert.Equal(t, "7s", job.ScrapeInterval.String())
	assert.Equal(t, uint(5000), job.SampleLimit)
	assert.True(t, job.HonorLabels)
	assert.Equal(t, "0123", string(job.HTTPClientConfig.BasicAuth.Password))
	assert.Equal(t, []string{"2026-01-02", "a-1.10"}, job.Params["day"])
	group := job.ServiceDiscoveryConfigs[0].(discovery.StaticConfig)[0]
	assert.Len(t, group.Targets, 2)
	assert.Equal(t, model.LabelSet{"zone": "1.10", "empty": "", "price": "$1"}, group.Labels)
	scrape, err := cfg.TargetAllocator.Get().scrapeClient()
	require.NoError(t, err)
	assert.Equal(t, "1e5", string(scrape.Authorization.Credentials))
}

// Without variables a tree is exactly what the collector has read.
func TestTreesWithoutVariablesAreUntouched(t *testing.T) {
	scalar := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), asAny), rapid.Map(rapid.Int(), asAny),
		rapid.Map(rapid.Float64Range(-1e9, 1e9), asAny), rapid.Map(rapid.String(), asAny),
	)
	key := rapid.StringMatching(`[a-z_]{1,8}`)
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		if depth == 0 {
			return scalar
		}
		return rapid.OneOf(
			scalar,
			rapid.Map(rapid.MapOfN(key, value(depth-1), 1, 4), asAny),
			rapid.Map(rapid.SliceOfN(value(depth-1), 0, 4), asAny),
		)
	}
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.MapOfN(key, value(3), 1, 4).Draw(t, "section")
		var section Section
		require.NoError(t, section.Unmarshal(confmap.NewFromStringMap(want)))
		require.Equal(t, want, section.values)
	})
}

func asAny[T any](v T) any { return v }

func TestWhatIsNoSectionIsRefused(t *testing.T) {
	for _, text := range []string{"config: 5", "config: [a]", "target_allocator: {http_sd_config: x}"} {
		require.Error(t, resolve(t, "yaml:"+text).Unmarshal(createDefaultConfig()), text)
	}
	assert.Equal(t, createDefaultConfig(), parse(t, "config:"))
}
