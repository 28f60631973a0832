package observerextension

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/extension/observerextension/internal/metadata"
	"github.com/sluice-metrics/sluice/internal/dispatch"
	"github.com/sluice-metrics/sluice/internal/events"
)

// observer owns the engine and the actions of its hooks. The engine is there before Start, so that other extensions can
// subscribe in theirs, whatever the order.
type observer struct {
	cfg       *Config
	set       *extension.Settings
	engine    *events.Observer
	telemetry *metadata.TelemetryBuilder
	health    health

	mu            sync.Mutex
	subscriptions int
	actions       []namedAction
	stop          sync.Once
	stopErr       error
}

type namedAction struct {
	action
	hook string
}

var (
	_ extension.Extension = (*observer)(nil)
	_ Subject             = (*observer)(nil)
)

func newObserver(set *extension.Settings, cfg *Config) (*observer, error) {
	o := &observer{cfg: cfg, set: set, engine: events.New(events.Options{
		Dispatch:  dispatch.Options{MinWorkers: cfg.Workers.Min, MaxWorkers: cfg.Workers.Max},
		MaxSeries: cfg.MaxSeries, Expiration: cfg.SeriesExpiration,
	})}
	var err error
	o.telemetry, err = o.observe()
	return o, err
}

// Start starts the actions, and then tells them.
func (o *observer) Start(ctx context.Context, host component.Host) error {
	o.health.start(host)
	for i := range o.cfg.Hooks {
		if err := o.hook(ctx, host, &o.cfg.Hooks[i]); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", o.cfg.Hooks[i].label(i), err), o.Shutdown(ctx))
		}
	}
	o.engine.Start()
	return nil
}

func (o *observer) hook(ctx context.Context, host component.Host, cfg *HookConfig) error {
	set, err := cfg.settings(o.cfg.QueueSize, o.set.TelemetrySettings)
	if err != nil {
		return err
	}
	a := o.newAction(cfg)
	if err := a.start(ctx, host); err != nil {
		return err
	}
	o.mu.Lock()
	o.actions = append(o.actions, namedAction{a, cfg.Name})
	o.mu.Unlock()
	set.Lane.Deliver = a.deliver
	set.Broken = o.logBroken(cfg.Name)
	set.Lane.Changed = o.health.changed(cfg.Name)
	if cfg.OnError != onErrorDrop {
		set.Lane.Failed = o.logFailures(cfg.Name)
	}
	_, err = o.engine.Add(set)
	return err
}

// Publish implements Publisher.
func (o *observer) Publish(ctx context.Context, md pmetric.Metrics) { o.engine.Publish(ctx, md) }

// Shutdown delivers what waits, for as long as ctx and drain_timeout allow, and reports the rest.
func (o *observer) Shutdown(ctx context.Context) error {
	o.stop.Do(func() {
		drain, cancel := context.WithTimeout(ctx, o.cfg.DrainTimeout)
		defer cancel()
		o.report(o.engine.Close(drain))
		for _, a := range o.running() {
			o.stopErr = errors.Join(o.stopErr, a.stop(ctx))
		}
		o.telemetry.Shutdown()
	})
	return o.stopErr
}

func (o *observer) running() []namedAction {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.actions
}

// report says in one line per hook what became of events that were waiting.
func (o *observer) report(reports []dispatch.Report) {
	for _, r := range reports {
		write := o.set.Logger.Info
		if r.Dropped > 0 || r.Hangs {
			write = o.set.Logger.Warn
		}
		write("Events of a hook at shutdown", zap.String("hook", r.Name), zap.Stringer("priority", r.Priority),
			zap.Int64("delivered", r.Delivered), zap.Int64("dropped", r.Dropped), zap.Bool("hangs", r.Hangs))
	}
}
