package config

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/scrape"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"

	"github.com/sluice-metrics/sluice/internal/scrapeconfig"
)

var quiet = slog.New(slog.DiscardHandler)

// resolved is a shipped configuration as the collector reads it.
func resolved(t *testing.T, name string) *confmap.Conf {
	t.Helper()
	r, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs:              []string{"builtin:" + name},
		ProviderFactories: []confmap.ProviderFactory{NewFactory(), envprovider.NewFactory()},
		DefaultScheme:     "env",
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Shutdown(t.Context())) }()
	conf, err := r.Resolve(t.Context())
	require.NoError(t, err)
	return conf
}

// kubernetesJobs are those of kubernetes.yaml, by name.
func kubernetesJobs(t *testing.T) map[string]*promconfig.ScrapeConfig {
	t.Helper()
	section, err := resolved(t, "kubernetes").Sub("receivers::prometheus_scrape::config")
	require.NoError(t, err)
	cfg, err := scrapeconfig.FromMap(section.ToStringMap(), quiet)
	require.NoError(t, err)
	assert.Empty(t, cfg.Ignored)
	jobs := map[string]*promconfig.ScrapeConfig{}
	for _, job := range cfg.Jobs {
		jobs[job.JobName] = job
	}
	return jobs
}

// discovered is what Prometheus' own discovery and relabelling make of jobs.
type discovered struct {
	t       *testing.T
	jobs    map[string]*promconfig.ScrapeConfig
	updates <-chan map[string][]*targetgroup.Group
	now     map[string][]*targetgroup.Group
}

// discover runs Prometheus' discovery for as long as the test.
func discover(t *testing.T, jobs map[string]*promconfig.ScrapeConfig) *discovered {
	t.Helper()
	registry := prometheus.NewRegistry()
	metrics, err := discovery.CreateAndRegisterSDMetrics(registry)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	manager := discovery.NewManager(ctx, quiet, registry, metrics, discovery.Updatert(50*time.Millisecond))
	require.NotNil(t, manager)
	configs := map[string]discovery.Configs{}
	for name, job := range jobs {
		configs[name] = job.ServiceDiscoveryConfigs
	}
	require.NoError(t, manager.ApplyConfig(configs))
	ran := make(chan error, 1)
	go func() { ran <- manager.Run() }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; !errors.Is(err, context.Canceled) {
			assert.NoError(t, err)
		}
	})
	return &discovered{t: t, jobs: jobs, updates: manager.SyncCh()}
}

// eventually waits until a job has so many groups, one a pod or a slice with an address, and these targets: URL, then labels.
func (d *discovered) eventually(job string, groups int, want map[string]string) {
	d.t.Helper()
	deadline := time.After(20 * time.Second)
	for len(d.now[job]) != groups || !maps.Equal(want, d.targets(job)) {
		select {
		case d.now = <-d.updates:
		case <-deadline:
			assert.Len(d.t, d.now[job], groups)
			require.Equal(d.t, want, d.targets(job))
			return
		}
	}
}

// targets are those that remain after relabelling. Two that are not the same and have one URL would be scraped twice.
func (d *discovered) targets(job string) map[string]string {
	d.t.Helper()
	out := map[string]string{}
	for _, g := range d.now[job] {
		for _, l := range g.Targets {
			ls, err := scrape.PopulateLabels(labels.NewBuilder(labels.EmptyLabels()), d.jobs[job], l, g.Labels)
			require.NoError(d.t, err)
			if ls.IsEmpty() {
				continue
			}
			target := scrape.NewTarget(ls, d.jobs[job], l, g.Labels)
			url, shown := target.URL().String(), target.Labels(labels.NewBuilder(labels.EmptyLabels())).String()
			if before, ok := out[url]; ok && before != shown {
				shown = before + " and " + shown
			}
			out[url] = shown
		}
	}
	return out
}
