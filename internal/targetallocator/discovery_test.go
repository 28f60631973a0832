package targetallocator

import (
	"context"
	"encoding/pem"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery"
	promhttp "github.com/prometheus/prometheus/discovery/http"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"
)

// discover runs Prometheus' own discovery of the jobs until each has targets.
func discover(t *testing.T, configs map[string]discovery.Configs) map[string][]*targetgroup.Group {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reg := prometheus.NewRegistry()
	metrics, err := discovery.CreateAndRegisterSDMetrics(reg)
	require.NoError(t, err)
	m := discovery.NewManager(ctx, slog.New(slog.DiscardHandler), reg, metrics, discovery.Updatert(time.Millisecond))
	done := make(chan error)
	go func() { done <- m.Run() }()
	defer func() { assert.ErrorIs(t, <-done, context.Canceled) }()
	defer cancel()
	require.NoError(t, m.ApplyConfig(configs))
	late := time.After(20 * time.Second)
	for {
		select {
		case found := <-m.SyncCh():
			if complete(found, len(configs)) {
				return found
			}
		case <-late:
			require.Fail(t, "no targets")
		}
	}
}

func complete(found map[string][]*targetgroup.Group, jobs int) bool {
	for _, groups := range found {
		if len(groups) == 0 {
			return false
		}
	}
	return len(found) == jobs
}

// flat are the targets of groups as the scraper sees them.
func flat(groups []*targetgroup.Group) (targets []model.LabelSet) {
	for _, g := range groups {
		for _, t := range g.Targets {
			targets = append(targets, g.Labels.Merge(t))
		}
	}
	return targets
}

func TestPrometheusDiscoversTheTargets(t *testing.T) {
	a := group()
	a.configs = `{"a/b c": {"job_name": "a/b c"}, "other": {"job_name": "other"}}`
	t.Run("plain", func(t *testing.T) {
		srv := a.start(t)
		cfg := confighttp.NewDefaultClientConfig()
		checkDiscovery(t, srv, &cfg)
	})
	t.Run("tls", func(t *testing.T) {
		srv := httptest.NewTLSServer(a)
		t.Cleanup(srv.Close)
		cfg := confighttp.NewDefaultClientConfig()
		cfg.TLS.CAPem = configopaque.String(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}))
		cfg.TLS.MinVersion = "1.2"
		checkDiscovery(t, srv, &cfg)
	})
	for _, r := range a.requests() {
		assert.Equal(t, "x", r.Header.Get("X-Tenant"))
		assert.Equal(t, "Bearer token", r.Header.Get("Authorization"))
	}
}

// checkDiscovery has both clients with the same settings, as a receiver has them.
func checkDiscovery(t *testing.T, srv *httptest.Server, cfg *confighttp.ClientConfig) {
	t.Helper()
	cfg.Headers.Set("X-Tenant", "x")
	cfg.Headers.Set("authorization", "Bearer token")
	asking, err := cfg.ToClient(t.Context(), nil, componenttest.NewNopTelemetrySettings())
	require.NoError(t, err)
	defer asking.CloseIdleConnections()
	var sd promhttp.SDConfig
	lost, err := ConfigureSD(&sd, cfg)
	require.NoError(t, err)
	assert.Empty(t, lost)
	c := New(Options{Endpoint: srv.URL, CollectorID: "collector-2", Client: asking, SD: sd})
	jobs, _, err := c.Jobs(t.Context())
	require.NoError(t, err)
	configs := map[string]discovery.Configs{}
	for _, job := range jobs {
		configs[job.JobName] = job.ServiceDiscoveryConfigs
	}
	found := discover(t, configs)
	require.Len(t, flat(found["a/b c"]), 3)
	require.Len(t, flat(found["other"]), 1)
	checkOwner(t, c, "a/b c", flat(found["a/b c"]))
}

// checkOwner has the other half of the protocol recognise what the first half has found.
func checkOwner(t *testing.T, c *Client, job string, targets []model.LabelSet) {
	t.Helper()
	all, err := c.Assigned(t.Context(), job)
	require.NoError(t, err)
	for _, target := range targets {
		owner, ok := all.Owner(target)
		assert.True(t, ok, target)
		assert.Equal(t, "collector-2", owner)
		assert.False(t, all.Elsewhere(target))
	}
}
