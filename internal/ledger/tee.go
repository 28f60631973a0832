package ledger

import (
	"context"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// What is read of self-metrics. Tests run the real exporters.
const (
	helperScope  = "go.opentelemetry.io/collector/exporter/exporterhelper"
	sentMetric   = "otelcol_exporter_sent_metric_points"
	failedMetric = "otelcol_exporter_send_failed_metric_points"
	// refusedSuffix ends the names of counters of points that an exporter of ours took and does not hand out, for a reason
	// that its metrics tell: a conflict of types, a bound.
	refusedSuffix = "_refused_datapoints"

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
	helper := name == helperScope
	if helper {
		t.account.helped.Store(true)
	}
	return teeMeter{t.MeterProvider.Meter(name, opts...), t.account, helper}
}

type teeMeter struct {
	metric.Meter
	account *Exporter
	helper  bool
}

func (t teeMeter) Int64Counter(name string, opts ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	c, err := t.Meter.Int64Counter(name, opts...)
	switch {
	case err != nil:
		return c, err
	case t.helper && name == sentMetric:
		return teeCounter{c, t.account, &t.account.sent}, nil
	case t.helper && name == failedMetric:
		return teeCounter{c, t.account, &t.account.failed}, nil
	case !t.helper && strings.HasSuffix(name, refusedSuffix):
		return teeCounter{c, t.account, &t.account.removed}, nil
	default:
		return c, nil
	}
}

type teeCounter struct {
	metric.Int64Counter
	account *Exporter
	into    *atomic.Int64
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
	if kind, _ := attrs.Value(errorTypeKey); kind.AsString() != interrupted {
		t.into.Add(points)
	}
}
