package overseer

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/xexporter"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/ledger"
)

// nesting are the types of exporters that hand points to exporters of their own, whose counters they silence, and where
// the queue of those is configured.
var nesting = map[string]string{
	"load_balancing": "protocol::otlp::sending_queue", "loadbalancing": "protocol::otlp::sending_queue",
}

// opaque tells whether an exporter's word of what it sent means that a queue inside it took it.
func opaque(t component.Type, cfg component.Config) bool {
	queue, nests := nesting[t.String()]
	if !nests {
		return false
	}
	conf := confmap.New()
	return conf.Marshal(cfg) != nil || conf.Get(queue) != nil && conf.Get(queue+"::enabled") != false
}

func (o *Overseer) exporterFactory(f exporter.Factory) exporter.Factory {
	w := exporterFactory{f, o}
	if x, ok := f.(xexporter.Factory); ok {
		return xExporterFactory{w, x}
	}
	return w
}

type exporterFactory struct {
	exporter.Factory
	overseer *Overseer
}

func (f exporterFactory) DeprecatedAlias() component.Type { return aliasOf(f.Factory) }

func (exporterFactory) SetDeprecatedAlias(component.Type) {}

func (f exporterFactory) CreateMetrics(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
	storage := storageOf(cfg)
	account := f.overseer.ledger.Exporter(set.ID.String(), ledger.ExporterKind{
		Persistent: storage != nil,
		Opaque:     opaque(set.ID.Type(), cfg),
	})
	e := &countedExporter{overseer: f.overseer, account: account, id: set.ID, storage: storage}
	set.MeterProvider = account.Tee(set.MeterProvider)
	inner, err := f.Factory.CreateMetrics(ctx, set, cfg)
	e.Metrics = inner
	return e, err
}

// countedExporter books what an exporter takes and what its storage holds, and bounds its stop.
type countedExporter struct {
	exporter.Metrics
	stopper
	overseer *Overseer
	account  *ledger.Exporter
	id       component.ID
	storage  *component.ID
	host     component.Host
}

func (e *countedExporter) Start(ctx context.Context, host component.Host) error {
	e.host = host
	if e.storage != nil && e.overseer.ledger.Counting() {
		e.account.Opened(stock(ctx, host, *e.storage, e.id))
	}
	return e.Metrics.Start(ctx, host)
}

func (e *countedExporter) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if !e.overseer.ledger.Counting() {
		return e.Metrics.ConsumeMetrics(ctx, md)
	}
	points := taking(ctx, md).points // before the exporter has it: it may be edited
	err := e.Metrics.ConsumeMetrics(ctx, md)
	e.account.Passed(points, err)
	return err
}

func (e *countedExporter) Shutdown(ctx context.Context) error {
	return e.stop(ctx, "exporter "+e.id.String(), e.overseer.limit(), e.Metrics.Shutdown, func() { e.settle(ctx) })
}

func (e *countedExporter) settle(ctx context.Context) {
	left := ledger.Count{}
	if e.storage != nil && e.host != nil && e.overseer.ledger.Counting() {
		left = stock(context.WithoutCancel(ctx), e.host, *e.storage, e.id)
	}
	e.account.Settle(left)
}

type xExporterFactory struct {
	exporterFactory
	x xexporter.Factory
}

func (f xExporterFactory) CreateProfiles(ctx context.Context, set exporter.Settings, cfg component.Config) (xexporter.Profiles, error) {
	return f.x.CreateProfiles(ctx, set, cfg)
}

func (f xExporterFactory) ProfilesStability() component.StabilityLevel {
	return f.x.ProfilesStability()
}
