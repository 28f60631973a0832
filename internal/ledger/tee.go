package ledger

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// What is read of exporterhelper's self-metrics. A test runs a real one.
const (
	helperScope  = "go.opentelemetry.io/collector/exporter/exporterhelper"
	sentMetric   = "otelcol_exporter_sent_metric_points"
	failedMetric = "otelcol_exporter_send_failed_metric_points"

	exporterKey  = attribute.Key("exporter")
	errorTypeKey = attribute.Key("error.type")
	// interrupted is the type of error of a request that waited for its next try when the exporter was told to stop. A
	// queue in a storage keeps it; nobody has given it up.
	interrupted = "Shutdown"
)

// Tee returns a meter provider for the exporter that books what its exporterhelper counts, whatever mp does with it:
// one that does nothing, which is level none, will do.
func (e *Exporter) Tee(mp metric.MeterProvider) metric.MeterProvider { return teeProvider{mp, e} }

type teeProvider struct {
	metric.MeterProvider
	account *Exporter
}

func (t teeProvider) Meter(name string, opts ...metric.MeterOption) metric.Meter {
	m := t.MeterProvider.Meter(name, opts...)
	if name != helperScope {
		return m
	}
	t.account.helped.Store(true)
	return teeMeter{m, t.account}
}

type teeMeter struct {
	metric.Meter
	account *Exporter
}

func (t teeMeter) Int64Counter(name string, opts ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	c, err := t.Meter.Int64Counter(name, opts...)
	if err != nil || name != sentMetric && name != failedMetric {
		return c, err
	}
	return teeCounter{c, t.account, name == sentMetric}, nil
}

type teeCounter struct {
	metric.Int64Counter
	account *Exporter
	sent    bool
}

func (t teeCounter) Add(ctx context.Context, points int64, opts ...metric.AddOption) {
	if t.account.ledger.Counting() && points > 0 {
		t.book(points, metric.NewAddConfig(opts).Attributes())
	}
	t.Int64Counter.Add(ctx, points, opts...)
}

func (t teeCounter) book(points int64, attrs attribute.Set) {
	if id, ok := attrs.Value(exporterKey); ok && id.AsString() != t.account.id {
		return // of an exporter inside this one
	}
	if t.sent {
		t.account.sent.Add(points)
		return
	}
	if kind, _ := attrs.Value(errorTypeKey); kind.AsString() != interrupted {
		t.account.failed.Add(points)
	}
}
