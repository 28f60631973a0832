package observerextension

import (
	"context"

	"go.opentelemetry.io/collector/component"
)

// action is what a hook does with events. deliver is not called concurrently, nor before start or after stop.
type action interface {
	start(ctx context.Context, host component.Host) error
	deliver(ctx context.Context, events []Event) error
	stop(ctx context.Context) error
}

func (o *observer) newAction(cfg *HookConfig) action {
	switch {
	case cfg.Webhook.HasValue():
		return newWebhook(cfg, o.set.TelemetrySettings)
	case cfg.Alertmanager.HasValue():
		return newAlerts(cfg, o.set.TelemetrySettings)
	case cfg.Stream.HasValue():
		return newStream(cfg, o.set.TelemetrySettings)
	default:
		return newLogger(cfg, o.set.Logger)
	}
}
