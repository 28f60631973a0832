package overseer

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/receiver"
)

// Components of traces and logs are not counted. They are left behind like those of metrics when they do not stop.

func (f receiverFactory) CreateTraces(
	ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces,
) (receiver.Traces, error) {
	r := f.overseer.newReceiverStop(set.ID)
	inner, err := f.Factory.CreateTraces(ctx, set, cfg, tracesNext{next, r})
	r.Metrics = inner
	return r, err
}

func (f receiverFactory) CreateLogs(
	ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs,
) (receiver.Logs, error) {
	r := f.overseer.newReceiverStop(set.ID)
	inner, err := f.Factory.CreateLogs(ctx, set, cfg, logsNext{next, r})
	r.Metrics = inner
	return r, err
}

type tracesNext struct {
	consumer.Traces
	stop *receiverStop
}

func (n tracesNext) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if n.stop.hung.Load() {
		return errLeftBehind
	}
	return n.Traces.ConsumeTraces(ctx, td)
}

type logsNext struct {
	consumer.Logs
	stop *receiverStop
}

func (n logsNext) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	if n.stop.hung.Load() {
		return errLeftBehind
	}
	return n.Logs.ConsumeLogs(ctx, ld)
}

func (f processorFactory) CreateTraces(
	ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces,
) (processor.Traces, error) {
	inner, err := f.Factory.CreateTraces(ctx, set, cfg, next)
	return &boundedTraces{Traces: inner, name: "processor " + set.ID.String(), overseer: f.overseer}, err
}

func (f processorFactory) CreateLogs(
	ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs,
) (processor.Logs, error) {
	inner, err := f.Factory.CreateLogs(ctx, set, cfg, next)
	return &boundedLogs{Logs: inner, name: "processor " + set.ID.String(), overseer: f.overseer}, err
}

func (f exporterFactory) CreateTraces(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
	inner, err := f.Factory.CreateTraces(ctx, set, cfg)
	return &boundedTraces{Traces: inner, name: "exporter " + set.ID.String(), overseer: f.overseer}, err
}

func (f exporterFactory) CreateLogs(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
	inner, err := f.Factory.CreateLogs(ctx, set, cfg)
	return &boundedLogs{Logs: inner, name: "exporter " + set.ID.String(), overseer: f.overseer}, err
}

// boundedTraces bounds the stop of a processor or exporter of traces.
type boundedTraces struct {
	exporter.Traces
	stopper
	overseer *Overseer
	name     string
}

func (b *boundedTraces) Shutdown(ctx context.Context) error {
	return b.stop(ctx, b.name, b.overseer.limit(), b.Traces.Shutdown, func() {})
}

// boundedLogs bounds the stop of a processor or exporter of logs.
type boundedLogs struct {
	exporter.Logs
	stopper
	overseer *Overseer
	name     string
}

func (b *boundedLogs) Shutdown(ctx context.Context) error {
	return b.stop(ctx, b.name, b.overseer.limit(), b.Logs.Shutdown, func() {})
}
