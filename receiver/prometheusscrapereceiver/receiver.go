package prometheusscrapereceiver

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"

	promconfig "github.com/prometheus/prometheus/config"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/scrape"
	"github.com/sluice-metrics/sluice/internal/scrapeconfig"
	"github.com/sluice-metrics/sluice/receiver/prometheusscrapereceiver/internal/metadata"
)

// scrapeReceiver finds targets and scrapes them.
type scrapeReceiver struct {
	cfg  *Config
	set  receiver.Settings
	next consumer.Metrics
	obs  *receiverhelper.ObsReport
	log  *slog.Logger

	telemetry *telemetry
	manager   *scrape.Manager
	discovery *discoverer
	allocator *allocator
	api       *apiServer

	// cancel ends what runs in the background.
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu sync.Mutex
	// current is what config or config_file says.
	current *scrapeconfig.Config
}

func newReceiver(set receiver.Settings, cfg *Config, next consumer.Metrics) (receiver.Metrics, error) {
	obs, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID: set.ID, Transport: "http", ReceiverCreateSettings: set,
	})
	if err != nil {
		return nil, err
	}
	return &scrapeReceiver{
		cfg: cfg, set: set, next: next, obs: obs,
		log: slog.New(zapslog.NewHandler(set.Logger.Core())),
	}, nil
}

// Start begins to look for targets. It does not wait for any.
func (r *scrapeReceiver) Start(ctx context.Context, host component.Host) error {
	background, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	if err := r.start(ctx, background, host); err != nil {
		return errors.Join(err, r.Shutdown(ctx))
	}
	return nil
}

func (r *scrapeReceiver) start(ctx, background context.Context, host component.Host) error {
	seen := fingerprint(r.cfg.ConfigFile)
	cfg, err := r.readConfig()
	if err != nil {
		return err
	}
	budget := scrape.NewBudget(int64(r.cfg.MaxBodyMemory))
	if r.allocator, err = newAllocator(ctx, r.cfg, r.set, host, cfg.Global); err != nil {
		return err
	}
	r.manager = scrape.NewManager(r.settings(budget))
	if r.telemetry, err = newTelemetry(r.set, r.manager, budget); err != nil {
		return err
	}
	if r.discovery, err = newDiscoverer(background, r.log, r.manager); err != nil {
		return err
	}
	if err := r.apply(cfg); err != nil {
		return err
	}
	r.running.Go(r.discovery.run)
	if r.allocator != nil {
		r.running.Go(func() { r.allocate(background) })
	}
	if r.cfg.ConfigFile != "" && r.cfg.ConfigFilePollInterval > 0 {
		r.running.Go(func() { r.watch(background, seen) })
	}
	if r.cfg.protects() {
		r.running.Go(func() { r.reportStatus(background, host, statusEvery) })
	}
	r.api, err = startAPI(ctx, r.cfg.APIServer, host, r.set, r)
	return err
}

func (r *scrapeReceiver) readConfig() (*scrapeconfig.Config, error) {
	cfg, err := r.cfg.read(r.log)
	if err != nil {
		return nil, err
	}
	if len(cfg.Ignored) > 0 {
		r.set.Logger.Warn("sections of the Prometheus configuration have no effect", zap.Strings("sections", cfg.Ignored))
	}
	return cfg, nil
}

func (r *scrapeReceiver) settings(budget *scrape.Budget) scrape.Settings {
	info := r.set.BuildInfo
	s := scrape.Settings{
		Logger: r.set.Logger, Tracers: r.set.TracerProvider, Consume: r.consume,
		UserAgent: info.Command + "/" + info.Version, Scope: metadata.ScopeName, Version: info.Version,
		Strict: r.cfg.Strict, TrimSuffixes: r.cfg.TrimMetricSuffixes,
		OnShutdown: r.cfg.ScrapeOnShutdown, InitialOffset: r.cfg.InitialScrapeOffset, Budget: budget,
		Protection:  r.cfg.protection(),
		Shard:       scrape.Shard{Index: uint64(r.cfg.Shard.Index), Total: uint64(r.cfg.Shard.Total)},
		Collections: r.cfg.Collections,
		Observer: scrape.Observer{
			Scraped:    func(ctx context.Context, s scrape.Scraped) { r.telemetry.scraped(ctx, s) },
			Skipped:    func(ctx context.Context, s scrape.Skipped) { r.telemetry.skipped(ctx, s) },
			Breaker:    func(ctx context.Context, job string, to breaker.State) { r.telemetry.breaker(ctx, job, to) },
			BadTargets: func(ctx context.Context, job string, n int) { r.telemetry.badTargets(ctx, job, n) },
		},
	}
	if r.allocator != nil {
		s.Elsewhere = r.allocator.elsewhere
	}
	return s
}

// consume passes a batch on and reports it as receivers do.
func (r *scrapeReceiver) consume(ctx context.Context, md pmetric.Metrics) error {
	points := md.DataPointCount()
	if points == 0 {
		return nil
	}
	ctx = r.obs.StartMetricsOp(ctx)
	err := r.next.ConsumeMetrics(ctx, md)
	r.obs.EndMetricsOp(ctx, "prometheus", points, err)
	return err
}

// apply makes the jobs those of the configuration and of the target allocator.
func (r *scrapeReceiver) apply(cfg *scrapeconfig.Config) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = cfg
	return r.applyCurrent()
}

// reapply is apply when the jobs of the target allocator have changed.
func (r *scrapeReceiver) reapply() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.applyCurrent()
}

func (r *scrapeReceiver) applyCurrent() error {
	all := *r.current
	if r.allocator != nil {
		all.Jobs = r.allocator.with(all.Jobs, r.set.Logger)
	}
	r.warnOfUnknownJobs(&all)
	return errors.Join(r.manager.Apply(&all), r.discovery.apply(all.Jobs))
}

// warnOfUnknownJobs is for misspelt names. It is no error, since jobs of files and of the target allocator come and go.
func (r *scrapeReceiver) warnOfUnknownJobs(all *scrapeconfig.Config) {
	for _, name := range slices.Sorted(maps.Keys(r.cfg.Jobs)) {
		_, collected := r.cfg.Collections[name]
		if !collected && !slices.ContainsFunc(all.Jobs, func(j *promconfig.ScrapeConfig) bool { return j.JobName == name }) {
			r.set.Logger.Warn("limits of a job that does not exist have no effect", zap.String("key", "jobs::"+name))
		}
	}
}

// Shutdown ends all scrapes. What has been read by then is passed on, as long as ctx allows.
func (r *scrapeReceiver) Shutdown(ctx context.Context) error {
	if r.cancel == nil {
		return nil
	}
	r.cancel()
	var errs []error
	if r.api != nil {
		errs = append(errs, r.api.shutdown(ctx))
	}
	if r.manager != nil {
		errs = append(errs, r.manager.Shutdown(ctx))
	}
	r.running.Wait()
	if r.discovery != nil {
		r.discovery.close()
	}
	if r.telemetry != nil {
		r.telemetry.shutdown()
	}
	return errors.Join(errs...)
}
