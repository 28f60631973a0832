package pushgatewayexporter

import (
	"context"
	"net/http"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/exposition"
	"github.com/sluice-metrics/sluice/internal/pushgroup"
)

// pushgatewayExporter owns the engine and its HTTP client.
type pushgatewayExporter struct {
	cfg       *Config
	set       component.TelemetrySettings
	engine    *pushgroup.Engine
	listener  *listener
	telemetry *telemetry

	client *http.Client
	stop   sync.Once
}

func newPushgatewayExporter(set exporter.Settings, cfg *Config) (*pushgatewayExporter, error) {
	tel, err := newTelemetry(set)
	if err != nil {
		return nil, err
	}
	l := &listener{telemetry: tel, logger: set.Logger}
	e := &pushgatewayExporter{
		cfg: cfg, set: set.TelemetrySettings, engine: pushgroup.New(cfg.options(), l), listener: l, telemetry: tel,
	}
	return e, tel.watch(e.engine)
}

// Start begins to push. It does not wait for the gateway.
func (e *pushgatewayExporter) Start(ctx context.Context, host component.Host) error {
	client := e.cfg.ClientConfig
	if client.MaxIdleConnsPerHost == 0 {
		client.MaxIdleConnsPerHost = e.cfg.MaxConcurrentPushes + 1 // that of probes
	}
	var err error
	e.client, err = client.ToClient(ctx, host.GetExtensions(), e.set)
	if err != nil {
		return err
	}
	e.listener.host.Store(&host)
	e.engine.Start(ctx, e.client)
	e.set.Logger.Info("Pushing metrics", zap.String("endpoint", client.Endpoint), zap.Duration("push_interval", e.cfg.PushInterval))
	return nil
}

// Shutdown does what on_shutdown says, for as long as ctx and timeout allow.
func (e *pushgatewayExporter) Shutdown(ctx context.Context) error {
	e.listener.host.Store(nil) // a component that stops has no other status
	if err := e.engine.Shutdown(ctx); err != nil {
		e.set.Logger.Error("The gateway does not have the last state of all groups", zap.Error(err))
	}
	if e.client != nil {
		e.client.CloseIdleConnections()
	}
	e.stop.Do(e.telemetry.shutdown)
	return nil
}

// consume never fails: what the engine refuses would be refused again.
func (e *pushgatewayExporter) consume(ctx context.Context, md pmetric.Metrics) error {
	added := e.engine.Add(md)
	for reason, points := range added.Refused {
		e.telemetry.refusedPoints(ctx, string(reason), points)
	}
	for reason, points := range added.Points {
		e.telemetry.refusedPoints(ctx, string(reason), points)
	}
	for reason, groups := range added.Groups {
		e.telemetry.refusedGroups(ctx, string(reason), groups)
		e.listener.warnOfRefusedGroup(reason)
	}
	for kind, metrics := range added.Conflicting {
		e.telemetry.conflict(ctx, kind.String(), metrics)
	}
	for _, c := range added.Conflicts {
		e.set.Logger.Warn(consequence(c.Kind)+"; further conflicts with that one are only counted",
			zap.String("metric", c.Family), zap.String("conflicts_with", c.Owner), zap.Stringer("kind", c.Kind))
	}
	return nil
}

func consequence(kind exposition.ConflictKind) string {
	if kind == exposition.ConflictHelp || kind == exposition.ConflictUnit {
		return "Metric is described otherwise than another one of its name and is pushed under that one's description"
	}
	return "Metric conflicts with another one and is not pushed"
}
