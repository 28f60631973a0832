package events

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/dispatch"
)

// book writes down what a hook is told.
type book struct {
	mu   sync.Mutex
	list []Event
}

func (b *book) deliver(_ context.Context, events []Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = append(b.list, events...)
	return nil
}

func (b *book) take() []Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.list
	b.list = nil
	return list
}

// lines are events as a test reads them best.
func (b *book) lines() []string {
	list := b.take()
	lines := make([]string, 0, len(list))
	for i := range list {
		lines = append(lines, line(&list[i]))
	}
	return lines
}

func line(e *Event) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s %s", e.Metric.Kind, e.Metric.Name)
	if e.Metric.Attributes.Len() > 0 {
		fmt.Fprintf(&s, "{%s}", e.Metric.Attributes.Encoded(encoder))
	}
	if e.Old.Exists() || e.New.Exists() {
		fmt.Fprintf(&s, " %v>%v", e.Old.Float(), e.New.Float())
	}
	if e.Metric.Kind == Threshold || e.Metric.Kind == Cardinality {
		fmt.Fprintf(&s, " firing=%v", e.Metric.Firing)
	}
	if c := e.Metric.Cause; c != None {
		fmt.Fprintf(&s, " %s", c)
	}
	if e.Metric.Merged > 0 {
		fmt.Fprintf(&s, " merged=%d", e.Metric.Merged)
	}
	return s.String()
}

// options are those of the tests: small, and with a memory that is soon full and soon forgets.
func options() Options {
	return Options{Dispatch: dispatch.Options{MinWorkers: 1, MaxWorkers: 2}, MaxSeries: 100, Expiration: time.Minute}
}

func observer(t *testing.T) *Observer {
	t.Helper()
	o := New(options())
	o.Start()
	t.Cleanup(func() { closed(t, o) })
	return o
}

func closed(t *testing.T, o *Observer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	o.Close(ctx)
}

// hook adds one that writes a book.
func hook(t *testing.T, o *Observer, set Settings) (*book, *Hook) {
	t.Helper()
	b := &book{}
	if set.Lane.Deliver == nil {
		set.Lane.Deliver = b.deliver
	}
	if set.Lane.Size == 0 {
		set.Lane.Size = 1000
	}
	h, err := o.Add(set)
	require.NoError(t, err)
	return b, h
}

// point is one of a test's batches.
type point struct {
	target, metric, series string
	value                  float64
	at, start              int
	stale, counter         bool
}

// batch makes one of points, each in a metric of its own.
func batch(points ...point) pmetric.Metrics {
	md := pmetric.NewMetrics()
	for _, p := range points {
		rm := md.ResourceMetrics().AppendEmpty()
		rm.Resource().Attributes().PutStr("service.name", p.target)
		sm := rm.ScopeMetrics().AppendEmpty()
		sm.Scope().SetName("scope")
		m := sm.Metrics().AppendEmpty()
		m.SetName(p.metric)
		var dp pmetric.NumberDataPoint
		if p.counter {
			m.SetEmptySum().SetIsMonotonic(true)
			m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			dp = m.Sum().DataPoints().AppendEmpty()
		} else {
			dp = m.SetEmptyGauge().DataPoints().AppendEmpty()
		}
		if p.series != "" {
			dp.Attributes().PutStr("series", p.series)
		}
		dp.SetTimestamp(seconds(p.at))
		dp.SetStartTimestamp(seconds(p.start))
		dp.SetDoubleValue(p.value)
		if p.stale {
			dp.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		}
	}
	return md
}

func seconds(n int) pcommon.Timestamp {
	if n == 0 {
		return 0
	}
	return pcommon.Timestamp(time.Duration(n) * time.Second)
}
