package pushgatewayexporter

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/pushgroup"
)

var _ pushgroup.Listener = (*listener)(nil)

// listener turns what the engine tells into metrics, logs and status.
type listener struct {
	telemetry *telemetry
	logger    *zap.Logger
	host      atomic.Pointer[component.Host]
	// full and bad bound the log lines about groups that get none, refused those about pushes.
	full, bad, refused warning
}

// warning is logged once in a while.
type warning struct{ last atomic.Int64 }

const warningInterval = int64(10 * time.Minute)

func (w *warning) due() bool {
	last, now := w.last.Load(), time.Now().UnixNano()
	return now-last >= warningInterval && w.last.CompareAndSwap(last, now)
}

// Begin starts the span of a turn.
func (l *listener) Begin(ctx context.Context, group string) (context.Context, func(error)) {
	ctx, span := l.telemetry.tracer.Start(ctx, "pushgateway/turn", trace.WithAttributes(attribute.String("group", group)))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}

// Pushed logs what is not tried again, for it tells what is wrong.
func (l *listener) Pushed(r pushgroup.Report) {
	l.telemetry.pushed(context.Background(), &r)
	if r.Outcome == pushgroup.OutcomePermanent && l.refused.due() {
		l.logger.Error("The gateway refuses a push; the group is pushed again when it changes; further ones are only counted for a while", zap.String("group", r.Group), zap.Error(r.Why))
	}
}

// Deleted logs the groups that stay on the gateway.
func (l *listener) Deleted(r pushgroup.Report) {
	l.telemetry.deleted(context.Background(), &r)
	switch r.Outcome {
	case pushgroup.OutcomePermanent, pushgroup.OutcomeCanceled:
		l.logger.Error("A group that has ended stays on the gateway", zap.String("group", r.Group), zap.Error(r.Why))
	case pushgroup.OutcomeOK, pushgroup.OutcomePartial, pushgroup.OutcomeRetry:
	}
}

// Refused names the family and what the gateway says of it.
func (l *listener) Refused(group, family string, why error, rest time.Duration) {
	l.telemetry.refusedFamily(context.Background(), family)
	l.logger.Warn("The gateway refuses a metric; the rest of its group is pushed without it", zap.String("group", group),
		zap.String("metric", family), zap.Error(why), zap.Duration("left_out_for", rest))
}

// Dropped counts series.
func (l *listener) Dropped(reason pushgroup.Reason, series int) {
	l.telemetry.dropped(context.Background(), string(reason), series)
}

// Expired counts series.
func (l *listener) Expired(series int) { l.telemetry.expired(context.Background(), series) }

// Unchecked warns of a gateway that anybody can break.
func (l *listener) Unchecked() {
	l.logger.Warn("The gateway answers 202: it does not check what it is sent (--push.disable-consistency-check). " +
		"Metrics of others that do not go with these break each scrape of it, and nobody is told")
}

// Health reports the status of the component.
func (l *listener) Health(err error) {
	host := l.host.Load()
	if host == nil {
		return
	}
	if err != nil {
		l.logger.Warn("The gateway is not well", zap.Error(err))
		componentstatus.ReportStatus(*host, componentstatus.NewRecoverableErrorEvent(err))
		return
	}
	l.logger.Info("The gateway is well again")
	componentstatus.ReportStatus(*host, componentstatus.NewEvent(componentstatus.StatusOK))
}

func (l *listener) warnOfRefusedGroup(reason pushgroup.Reason) {
	w := &l.bad
	if reason == pushgroup.ReasonMaxGroups {
		w = &l.full
	}
	if w.due() {
		l.logger.Warn("The metrics of a resource are not pushed: it gets no group; further ones are only counted", zap.String("reason", string(reason)))
	}
}
