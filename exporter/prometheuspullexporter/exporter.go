package prometheuspullexporter

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

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
	Memory() int64
	Write(ctx context.Context, w io.Writer, p exposition.Page, hidden func(exposition.Reason, int)) error
}

// pullExporter owns the server, the sweeper and the vigil; the engine has no goroutine of its own.
type pullExporter struct {
	cfg       *Config
	set       component.TelemetrySettings
	engine    engine
	pages     map[string]*exposition.Selection
	telemetry *telemetry

	// scraped is when the last scrape came, at first when the server started.
	scraped atomic.Pointer[time.Time]

	server *httpserve.Server
	cancel context.CancelFunc
	wg     sync.WaitGroup
	stop   sync.Once
}

func newPullExporter(set exporter.Settings, cfg *Config) (*pullExporter, error) {
	opts, err := cfg.options()
	if err != nil {
		return nil, err
	}
	pages, err := cfg.pages()
	if err != nil {
		return nil, err
	}
	store := exposition.NewStore(opts)
	tel, err := newTelemetry(set, store)
	if err != nil {
		return nil, err
	}
	return &pullExporter{
		cfg: cfg, set: set.TelemetrySettings, engine: store, pages: pages, telemetry: tel, cancel: func() {},
	}, nil
}

// Start listens and serves; it fails when the address is taken.
func (e *pullExporter) Start(ctx context.Context, host component.Host) (err error) {
	e.server, err = httpserve.Start(ctx, &e.cfg.ServerConfig, host, e.set, e.handler())
	if err != nil {
		return err
	}
	e.scraped.Store(new(time.Now()))
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e.cancel = cancel
	e.wg.Go(func() { e.sweep(background) })
	e.wg.Go(func() { e.keepVigil(background) })
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
	for kind, metrics := range outcome.Conflicting {
		e.telemetry.conflict(ctx, kind.String(), metrics)
	}
	for _, c := range outcome.Conflicts {
		e.set.Logger.Warn(consequence(c.Kind)+"; further conflicts with that one are only counted",
			zap.String("metric", c.Family), zap.String("conflicts_with", c.Owner), zap.Stringer("kind", c.Kind))
	}
	return nil
}

func consequence(kind exposition.ConflictKind) string {
	if kind == exposition.ConflictHelp || kind == exposition.ConflictUnit {
		return "Metric is described otherwise than another one of its name and is exposed under that one's description"
	}
	return "Metric conflicts with another one and is not exposed"
}
