package observerextension

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluice-metrics/sluice/internal/dispatch"
	"github.com/sluice-metrics/sluice/internal/events"
)

// Option is one of Subscribe.
type Option func(*subscription)

// Subscription is what Unsubscribe takes.
type Subscription struct{ hook *events.Hook }

// subscription is what the options of one amount to.
type subscription struct {
	set events.Settings
	err error
}

// WithPriority sets the priority. Default: PriorityNormal.
func WithPriority(p Priority) Option {
	return func(s *subscription) {
		s.set.Lane.Priority = p
		if !p.Valid() {
			s.err = errors.Join(s.err, fmt.Errorf("%s is no priority", p))
		}
	}
}

// WithFilter lets only events of the series through for which f returns true. It is asked once per series, while the batch
// waits: it must be quick, and must not publish. Each series that it was asked for is remembered and counts for max_series. It
// is not asked for Changed, which is about a metric. Default: all series.
func WithFilter(f func(*Series) bool) Option {
	return func(s *subscription) { s.set.Filter = f }
}

// WithKinds sets the kinds of events. Default: Created, Updated, Removed.
func WithKinds(kinds ...Kind) Option {
	return func(s *subscription) { s.set.On = events.KindsOf(kinds...) }
}

// WithBatch hands a BatchObserver up to size events at once, that wait for each other for up to the interval.
func WithBatch(size int, interval time.Duration) Option {
	return func(s *subscription) {
		s.set.Lane.Batch, s.set.Lane.Interval = size, interval
		if size < 1 || interval <= 0 {
			s.err = errors.Join(s.err, errors.New("a batch needs a positive size and interval"))
		}
	}
}

// WithName names the observer in self-metrics and logs, where it should be unique. Default: go.
func WithName(name string) Option {
	return func(s *subscription) { s.set.Lane.Name = name }
}

// WithTimeout bounds each call of the observer. Default: 5s.
func WithTimeout(d time.Duration) Option {
	return func(s *subscription) { s.set.Lane.Timeout = d }
}

// WithBlock makes publishers wait for room in a full queue for so long. Default: the oldest events are dropped.
func WithBlock(timeout time.Duration) Option {
	return func(s *subscription) { s.set.Lane.OnOverflow, s.set.Lane.BlockTimeout = dispatch.Block, timeout }
}

var errNoBatches = errors.New("WithBatch needs a BatchObserver")

// Subscribe implements Subject.
func (o *observer) Subscribe(to Observer, options ...Option) (*Subscription, error) {
	s := subscription{set: events.Settings{On: events.KindsOf(Created, Updated, Removed)}}
	s.set.Lane = dispatch.Settings[Event]{Name: "go", Timeout: defaultTimeout, Size: o.cfg.QueueSize, Failed: o.logFailures("go")}
	for _, option := range options {
		option(&s)
	}
	s.set.Lane.Failed = o.logFailures(s.set.Lane.Name)
	s.set.Broken = o.logBroken(s.set.Lane.Name)
	s.set.Lane.Deliver = one(to)
	if s.set.Lane.Batch > 0 {
		b, ok := to.(BatchObserver)
		if !ok {
			return nil, errors.Join(s.err, errNoBatches)
		}
		s.set.Lane.Deliver = b.OnMetricsUpdated
	}
	if s.err != nil {
		return nil, s.err
	}
	return o.subscribe(s.set)
}

func (o *observer) subscribe(set events.Settings) (*Subscription, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.subscriptions >= o.cfg.MaxObservers {
		return nil, fmt.Errorf("max_observers: %d have subscribed already", o.subscriptions)
	}
	hook, err := o.engine.Add(set)
	if err != nil {
		return nil, err
	}
	o.subscriptions++
	return &Subscription{hook: hook}, nil
}

func one(o Observer) func(context.Context, []Event) error {
	return func(ctx context.Context, events []Event) error {
		e := &events[0]
		return o.OnMetricUpdated(ctx, e.Metric, e.Old, e.New)
	}
}

// Unsubscribe implements Subject.
func (o *observer) Unsubscribe(s *Subscription) {
	if s == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.engine.Remove(s.hook) {
		o.subscriptions--
	}
}
