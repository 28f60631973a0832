package observerextension

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sluice-metrics/sluice/extension/observerextension/internal/metadata"
	"github.com/sluice-metrics/sluice/internal/dispatch"
)

// observe makes the self-metrics. They are read when somebody looks.
func (o *observer) observe() (*metadata.TelemetryBuilder, error) {
	t, err := metadata.NewTelemetryBuilder(o.set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	id := attribute.String("observer", o.set.ID.String())
	self := metric.WithAttributes(id)
	single := func(read func() int64) metric.Int64Callback {
		return func(_ context.Context, m metric.Int64Observer) error {
			m.Observe(read(), self)
			return nil
		}
	}
	return t, errors.Join(
		t.RegisterObserverSeriesCallback(single(o.engine.Series)),
		t.RegisterObserverRefusedPointsCallback(single(o.engine.Refused)),
		t.RegisterObserverWorkersCallback(single(func() int64 { return int64(o.engine.Workers()) })),
		t.RegisterObserverEventsPublishedCallback(o.byLane(id, (*dispatch.Lane[Event]).Published)),
		t.RegisterObserverEventsDeliveredCallback(o.byLane(id, (*dispatch.Lane[Event]).Delivered)),
		t.RegisterObserverQueueLengthCallback(o.byLane(id, (*dispatch.Lane[Event]).Waiting)),
		t.RegisterObserverBreakerStateCallback(o.byLane(id, func(l *dispatch.Lane[Event]) int64 { return int64(l.BreakerState(time.Now())) })),
		t.RegisterObserverEventsDroppedCallback(o.dropped(id)),
		t.RegisterObserverAlertsCallback(byAction(o, id, func(a *alerts) int64 { return int64(a.len()) })),
		t.RegisterObserverStreamClientsCallback(byAction(o, id, func(s *stream) int64 { return int64(s.len()) })),
		t.RegisterObserverStreamMissedCallback(byAction(o, id, func(s *stream) int64 { return s.missed.Load() })),
	)
}

// laneID is what tells hooks apart; observers in Go may share it.
type laneID struct {
	name     string
	priority Priority
	reason   dispatch.Reason
}

func (l laneID) attributes(id attribute.KeyValue, more ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributes(append(more, id, attribute.String("hook", l.name), attribute.String("priority", l.priority.String()))...)
}

func (o *observer) byLane(id attribute.KeyValue, read func(*dispatch.Lane[Event]) int64) metric.Int64Callback {
	return func(_ context.Context, m metric.Int64Observer) error {
		sums := map[laneID]int64{}
		for _, h := range o.engine.Hooks() {
			l := h.Lane()
			sums[laneID{name: l.Name(), priority: l.Priority()}] += read(l)
		}
		for l, n := range sums {
			m.Observe(n, l.attributes(id))
		}
		return nil
	}
}

func (o *observer) dropped(id attribute.KeyValue) metric.Int64Callback {
	return func(_ context.Context, m metric.Int64Observer) error {
		sums := map[laneID]int64{}
		for _, h := range o.engine.Hooks() {
			for _, r := range dispatch.Reasons() {
				sums[laneID{h.Lane().Name(), h.Lane().Priority(), r}] += h.Lane().Dropped(r)
			}
		}
		for l, n := range sums {
			if n > 0 {
				m.Observe(n, l.attributes(id, attribute.String("reason", l.reason.String())))
			}
		}
		return nil
	}
}

// byAction reads the hooks of one action.
func byAction[A action](o *observer, id attribute.KeyValue, read func(A) int64) metric.Int64Callback {
	return func(_ context.Context, m metric.Int64Observer) error {
		for _, a := range o.running() {
			if one, ok := a.action.(A); ok {
				m.Observe(read(one), metric.WithAttributes(id, attribute.String("hook", a.hook)))
			}
		}
		return nil
	}
}
