package prometheusscrapereceiver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"k8s.io/klog/v2"

	"github.com/sluice-metrics/sluice/internal/scrape"
)

// discoverer runs Prometheus' discovery and hands on what it finds.
type discoverer struct {
	ctx      context.Context
	manager  *discovery.Manager
	metrics  *discovery.SDMetrics
	log      *slog.Logger
	scrape   *scrape.Manager
	registry *prometheus.Registry

	mu sync.Mutex
	// static are the jobs whose targets discovery need not tell, pending is what it has told of the others.
	static, pending map[string][]*targetgroup.Group
}

const (
	// firstUpdate is how soon targets are taken that are found after the start, updates how often later on: the targets of
	// a large cluster change all the time, and it takes time to go through them.
	firstUpdate = time.Second
	updates     = 5 * time.Second
)

// logOfKubernetes is set once, to the first receiver's: the client of Kubernetes has one log for the whole process.
var logOfKubernetes sync.Once

func newDiscoverer(ctx context.Context, log *slog.Logger, m *scrape.Manager) (*discoverer, error) {
	logOfKubernetes.Do(func() { klog.SetSlogLogger(log) })
	registry := prometheus.NewRegistry()
	metrics, err := discovery.CreateAndRegisterSDMetrics(registry)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	d := &discoverer{ctx: ctx, metrics: metrics, log: log, scrape: m, registry: registry}
	d.manager = discovery.NewManager(ctx, log, registry, metrics, discovery.Updatert(firstUpdate))
	if d.manager == nil {
		return nil, errors.New("discovery cannot be set up")
	}
	return d, nil
}

// apply changes what is to be discovered. Static targets need not be, and are taken at once.
func (d *discoverer) apply(jobs []*promconfig.ScrapeConfig) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	configs := make(map[string]discovery.Configs, len(jobs))
	d.static, d.pending = map[string][]*targetgroup.Group{}, map[string][]*targetgroup.Group{}
	for _, job := range jobs {
		configs[job.JobName] = job.ServiceDiscoveryConfigs
		if groups, all := staticGroups(job.ServiceDiscoveryConfigs); all {
			d.static[job.JobName] = groups
		}
	}
	d.scrape.Discovered(d.static)
	return d.manager.ApplyConfig(configs)
}

// staticGroups returns the targets of a job that has no others.
func staticGroups(configs discovery.Configs) (groups []*targetgroup.Group, all bool) {
	for _, c := range configs {
		s, ok := c.(discovery.StaticConfig)
		if !ok {
			return nil, false
		}
		groups = append(groups, s...)
	}
	return groups, true
}

// run hands on targets until the context ends.
func (d *discoverer) run() {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = d.manager.Run() // it ends with the context, and for no other reason
	}()
	defer func() { <-ended }()
	due := time.Now()
	next := time.NewTimer(updates)
	defer next.Stop()
	for {
		select {
		case <-d.ctx.Done():
			return
		case groups := <-d.manager.SyncCh():
			d.take(groups)
			next.Reset(time.Until(due))
		case <-next.C:
			d.handOn()
			due = time.Now().Add(updates)
		}
	}
}

// take keeps what is new. Static targets may be those of a configuration that has changed since.
func (d *discoverer) take(groups map[string][]*targetgroup.Group) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for job, g := range groups {
		if _, static := d.static[job]; !static {
			d.pending[job] = g
		}
	}
}

func (d *discoverer) handOn() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.scrape.Discovered(d.pending)
	clear(d.pending)
}

func (d *discoverer) close() {
	d.metrics.RefreshManager.Unregister()
	for _, m := range d.metrics.MechanismMetrics {
		m.Unregister()
	}
	d.manager.UnregisterMetrics()
}
