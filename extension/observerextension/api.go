package observerextension

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/events"
	"github.com/sluice-metrics/sluice/priority"
)

// Priority orders hooks.
type Priority = priority.Priority

// The priorities there are, in the order in which they are served.
const (
	PriorityCritical = priority.Critical
	PriorityHigh     = priority.High
	PriorityNormal   = priority.Normal
	PriorityLow      = priority.Low
)

type (
	// Event is what has happened to a metric, with its value before and after. It may be kept.
	Event = events.Event
	// Metric is whose event it is, and what has happened.
	Metric = events.Metric
	// Sample is a value and its time.
	Sample = events.Sample
	// Series is the identity of a series.
	Series = events.Series
	// Resource is what a metric is of.
	Resource = events.Resource
	// Scope is what has measured it.
	Scope = events.Scope
	// Descriptor is what a metric says of all its series.
	Descriptor = events.Descriptor
	// Kind is what has happened.
	Kind = events.Kind
	// Cause is why a series was removed.
	Cause = events.Cause
)

// The kinds of events that observers in Go can be told of.
const (
	Created = events.Created
	Updated = events.Updated
	Removed = events.Removed
	Changed = events.Changed
	Reset   = events.Reset
)

// Publisher is told of batches.
type Publisher interface {
	// Publish raises the events of a batch. It only reads md and keeps nothing of it. It waits for nothing but a hook whose
	// on_overflow is block, and for that no longer than its block_timeout. An observer that publishes passes on the context it
	// was given: then it is not told of what it causes itself.
	Publish(ctx context.Context, md pmetric.Metrics)
}

// Observer is told of events, one at a time and, of a series, in the order in which they happened.
type Observer interface {
	// OnMetricUpdated is told what has happened to a metric, whatever the kind of event, and of its value before and after. An
	// error is counted and logged, and a panic is no more than an error. The context ends with the observer's timeout.
	OnMetricUpdated(ctx context.Context, metric Metric, old, current Sample) error
}

// BatchObserver is an Observer that takes several events at once, if it subscribes with WithBatch.
type BatchObserver interface {
	Observer
	// OnMetricsUpdated is told of events in their order. The slice is valid until it returns.
	OnMetricsUpdated(ctx context.Context, events []Event) error
}

// ObserverFunc is an Observer.
type ObserverFunc func(ctx context.Context, metric Metric, old, current Sample) error

// OnMetricUpdated calls f.
func (f ObserverFunc) OnMetricUpdated(ctx context.Context, metric Metric, old, current Sample) error {
	return f(ctx, metric, old, current)
}

// Subject is the extension. All methods may be called concurrently, and before it is started.
type Subject interface {
	Publisher
	// Subscribe tells o of events from now on. It is an error to have more than max_observers.
	Subscribe(o Observer, options ...Option) (*Subscription, error)
	// Unsubscribe tells of nothing more, and drops what waits. A call under way goes on. It may be called again.
	Unsubscribe(s *Subscription)
}

// Find returns the observer extension of an ID.
func Find(host component.Host, id component.ID) (Subject, error) {
	found, ok := host.GetExtensions()[id]
	if !ok {
		return nil, fmt.Errorf("extension %q is not configured, or not listed in service::extensions", id)
	}
	subject, ok := found.(Subject)
	if !ok {
		return nil, fmt.Errorf("extension %q is no observer", id)
	}
	return subject, nil
}
