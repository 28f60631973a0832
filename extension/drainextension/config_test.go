package drainextension

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/sluice-metrics/sluice/internal/drain"
)

func load(t *testing.T, name string) *Config {
	t.Helper()
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", name))
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, conf.Unmarshal(cfg))
	return cfg
}

func TestConfig(t *testing.T) {
	want := createDefaultConfig().(*Config)
	want.ServerConfig.NetAddr.Endpoint = "0.0.0.0:13134"
	want.Delay, want.Timeout, want.ComponentTimeout = 5*time.Second, 40*time.Second, 8*time.Second
	want.ReportFile, want.Flush = "/var/lib/sluice/last-stop.json", false
	cfg := load(t, "config.yaml")
	require.NoError(t, cfg.Validate())
	assert.Equal(t, want, cfg)
}

func TestDefaultsAreThoseDocumented(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, cfg.Validate())
	assert.Equal(t, "localhost:13134", cfg.ServerConfig.NetAddr.Endpoint)
	assert.Equal(t, drain.Limits{Timeout: 30 * time.Second, Component: 10 * time.Second}, cfg.limits())
	assert.True(t, cfg.Phases && cfg.Flush && cfg.Tracking)
	assert.Empty(t, cfg.ReportFile)
}

func TestBadConfigsNameEveryKey(t *testing.T) {
	for file, says := range map[string][]string{
		"bad_endpoint.yaml": {"`endpoint` must be host:port"},
		"bad_times.yaml": {
			"`endpoint` must be host:port", "`delay` must not be negative, not -1s", "`timeout` must be positive, not 0s",
			"`component_timeout` must not be negative, not -2s",
		},
	} {
		err := load(t, file).Validate()
		for _, text := range says {
			require.ErrorContains(t, err, text, file)
		}
	}
}

func TestWithoutPhasesThereIsNoDelay(t *testing.T) {
	cfg := load(t, "config.yaml")
	cfg.Phases = false
	assert.Equal(t, drain.Limits{Timeout: 40 * time.Second}, cfg.limits())
}
