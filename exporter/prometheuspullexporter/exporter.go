package prometheuspullexporter

import (
	"context"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/exposition"
	"github.com/sluice-metrics/sluice/internal/httpserve"
)

// engine is what the exporter needs of a store. All methods may be called concurrently.
type engine interface {
	Add(md pmetric.Metrics) exposition.Outcome
	Expire() int
	Len() int
	Page(format expfmt.Format, hidden func(exposition.Reason, int)) prometheus.Gatherer
}

// pullExporter owns the server and the sweeper; the engine has no goroutine of its own.
type pullExporter struct {
	cfg       *Config
	set       component.TelemetrySettings
	engine    engine
	telemetry *telemetry

	server *httpserve.Server
	cancel context.CancelFunc
	wg     sync.WaitGroup
	stop   sync.Once
}

func newPullExporter(set exporter.Settings, cfg *Config) (*pullExporter, error) {
	store := exposition.NewStore(exposition.Options{
		Strategy:          cfg.TranslationStrategy,
		WithoutScopeInfo:  cfg.WithoutScopeInfo,
		WithoutTargetInfo: cfg.WithoutTargetInfo,
		SendTimestamps:    cfg.SendTimestamps,
		Expiration:        cfg.MetricExpiration,
		MaxSeries:         cfg.MaxSeries,
	})
	tel, err := newTelemetry(set, store.Len)
	if err != nil {
		return nil, err
	}
	return &pullExporter{cfg: cfg, set: set.TelemetrySettings, engine: store, telemetry: tel, cancel: func() {}}, nil
}

// Start listens and serves; it fails when the address is taken.
func (e *pullExporter) Start(ctx context.Context, host component.Host) (err error) {
	e.server, err = httpserve.Start(ctx, &e.cfg.ServerConfig, host, e.set, e.handler())
	if err != nil {
		return err
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e.cancel = cancel
	e.wg.Go(func() { e.sweep(background) })
	e.set.Logger.Info("Serving metrics", zap.Stringer("address", e.server.Addr()), zap.String("path", e.cfg.MetricsPath))
	return nil
}

// Shutdown lets scrapes under way finish, for as long as ctx and the server's grace allow.
func (e *pullExporter) Shutdown(ctx context.Context) error {
	e.cancel()
	e.wg.Wait()
	err := e.server.Shutdown(ctx)
	e.stop.Do(e.telemetry.shutdown)
	return err
}

// consume never fails: what the engine refuses would be refused again.
func (e *pullExporter) consume(ctx context.Context, md pmetric.Metrics) error {
	outcome := e.engine.Add(md)
	for reason, points := range outcome.Refused {
		e.telemetry.refused(ctx, reason, points)
	}
	for _, c := range outcome.Conflicts {
		e.set.Logger.Warn("Metric conflicts with another one and is not exposed; further conflicts with that one are only counted",
			zap.String("metric", c.Family), zap.String("conflicts_with", c.Owner), zap.String("reason", string(c.Reason)))
	}
	return nil
}
