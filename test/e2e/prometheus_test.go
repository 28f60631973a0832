package e2e

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/stretchr/testify/require"
)

// prom is a Prometheus in this process: its own scrape loop, storage and query engine.
type prom struct {
	t      *testing.T
	db     *tsdb.DB
	engine *promql.Engine
}

// startPrometheus scrapes with Prometheus' own code what scrapeConfig, a list entry of scrape_configs, says.
func startPrometheus(t *testing.T, scrapeConfig string) *prom {
	t.Helper()
	cfg, err := config.Load("global: {scrape_interval: 250ms, scrape_timeout: 250ms}\nscrape_configs:\n"+scrapeConfig, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	db, err := tsdb.Open(filepath.Join(t.TempDir(), "tsdb"), slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
	require.NoError(t, err)
	manager, err := scrape.NewManager(&scrape.Options{}, nil, nil, db, nil, prometheus.NewRegistry())
	require.NoError(t, err)
	require.NoError(t, manager.ApplyConfig(cfg))

	groups := make(chan map[string][]*targetgroup.Group, 1)
	groups <- staticTargets(cfg)
	ran := make(chan error, 1)
	go func() { ran <- manager.Run(groups) }()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1_000_000, Timeout: patience, LookbackDelta: 5 * time.Minute})
	t.Cleanup(func() {
		manager.Stop()
		require.NoError(t, <-ran)
		require.NoError(t, engine.Close())
		require.NoError(t, db.Close())
	})
	return &prom{t: t, db: db, engine: engine}
}

func staticTargets(cfg *config.Config) map[string][]*targetgroup.Group {
	groups := map[string][]*targetgroup.Group{}
	for _, job := range cfg.ScrapeConfigs {
		for _, sd := range job.ServiceDiscoveryConfigs {
			if static, ok := sd.(discovery.StaticConfig); ok {
				groups[job.JobName] = append(groups[job.JobName], static...)
			}
		}
	}
	return groups
}

func (p *prom) query(q string) (promql.Vector, error) {
	query, err := p.engine.NewInstantQuery(p.t.Context(), p.db, nil, q, time.Now())
	if err != nil {
		return nil, err
	}
	defer query.Close()
	res := query.Exec(p.t.Context())
	return res.Vector()
}

// eventually waits until q gives exactly one series, of value want.
func (p *prom) eventually(q string, want float64) {
	p.t.Helper()
	eventually(p.t, func() error {
		vector, err := p.query(q)
		if err != nil {
			return err
		}
		if len(vector) != 1 || vector[0].F != want {
			return fmt.Errorf("%s = %v, want %v", q, vector, want)
		}
		return nil
	})
}

// labels waits for q to give one series and returns its labels.
func (p *prom) labels(q string) map[string]string {
	p.t.Helper()
	var got map[string]string
	eventually(p.t, func() error {
		vector, err := p.query(q)
		if err != nil {
			return err
		}
		if len(vector) != 1 {
			return fmt.Errorf("%s gives %d series, want one: %v", q, len(vector), vector)
		}
		got = vector[0].Metric.Map()
		delete(got, model.MetricNameLabel)
		return nil
	})
	return got
}
