package drainextension

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/extension/extensiontest"
)

func get(t *testing.T, d *drain, path string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.server.Addr().String()+path, http.NoBody)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { assert.NoError(t, res.Body.Close()) }()
	page, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(page)
}

func start(t *testing.T) *drain {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.ServerConfig.NetAddr.Endpoint = "localhost:0"
	cfg.ServerConfig.KeepAlivesEnabled = false
	d := newDrain(cfg, componenttest.NewNopTelemetrySettings())
	require.NoError(t, d.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, d.Shutdown(context.Background())) })
	return d
}

func TestReadinessFollowsThePipelinesWhileLivenessStays(t *testing.T) {
	d := start(t)
	for _, step := range []struct {
		enter  func() error
		status int
		body   string
	}{
		{func() error { return nil }, http.StatusServiceUnavailable, "starting\n"},
		{d.Ready, http.StatusOK, "ready\n"},
		{d.NotReady, http.StatusServiceUnavailable, "stopping\n"},
	} {
		require.NoError(t, step.enter())
		status, body := get(t, d, "/readyz")
		assert.Equal(t, step.status, status)
		assert.Equal(t, step.body, body)
		status, _ = get(t, d, "/livez")
		assert.Equal(t, http.StatusOK, status)
	}
}

func TestUnknownPathIsNotFound(t *testing.T) {
	status, _ := get(t, start(t), "/health")
	assert.Equal(t, http.StatusNotFound, status)
}

func TestOccupiedEndpointIsNamed(t *testing.T) {
	taken := start(t).server.Addr().String()
	cfg := createDefaultConfig().(*Config)
	cfg.ServerConfig.NetAddr.Endpoint = taken
	second := newDrain(cfg, componenttest.NewNopTelemetrySettings())
	assert.ErrorContains(t, second.Start(t.Context(), componenttest.NewNopHost()), taken)
}

func TestShutdownTwice(t *testing.T) {
	d := start(t)
	require.NoError(t, d.Shutdown(t.Context()))
	require.NoError(t, d.Shutdown(t.Context()))
}

func TestConfig(t *testing.T) {
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, conf.Unmarshal(cfg))
	require.NoError(t, cfg.Validate())
	assert.Equal(t, "0.0.0.0:13134", cfg.ServerConfig.NetAddr.Endpoint)

	conf, err = confmaptest.LoadConf(filepath.Join("testdata", "bad_endpoint.yaml"))
	require.NoError(t, err)
	cfg = createDefaultConfig().(*Config)
	require.NoError(t, conf.Unmarshal(cfg))
	require.ErrorContains(t, cfg.Validate(), "`endpoint` must be host:port")
}

func TestFactoryCreates(t *testing.T) {
	f := NewFactory()
	ext, err := f.Create(t.Context(), extensiontest.NewNopSettings(f.Type()), f.CreateDefaultConfig())
	require.NoError(t, err)
	require.NoError(t, ext.Shutdown(t.Context()))
}
