package observerextension

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// logger is the action log.
type logger struct {
	logger *zap.Logger
	level  zapcore.Level
	hook   string
}

func newLogger(cfg *HookConfig, l *zap.Logger) action {
	return &logger{logger: l, level: cfg.Log.Get().Level, hook: cfg.Name}
}

func (*logger) start(context.Context, component.Host) error { return nil }

func (*logger) stop(context.Context) error { return nil }

func (l *logger) deliver(_ context.Context, events []Event) error {
	for i := range events {
		e := &events[i]
		if entry := l.logger.Check(l.level, "Metric "+e.Metric.Kind.String()); entry != nil {
			entry.Write(l.fields(e)...)
		}
	}
	return nil
}

func (l *logger) fields(e *Event) []zap.Field {
	m := &e.Metric
	fields := []zap.Field{
		zap.String("hook", l.hook), zap.Uint64("sequence", m.Sequence), zap.String("metric", m.Name),
		texts("attributes", m.Attributes), texts("resource_attributes", m.Resource.Attributes), // the collector says "resource" of itself
	}
	if m.Scope.Name != "" {
		fields = append(fields, zap.String("scope", m.Scope.Name))
	}
	if e.Old.Exists() {
		fields = append(fields, zap.Float64("old", e.Old.Float()), zap.Time("old_time", e.Old.Timestamp.AsTime()))
	}
	if e.New.Exists() {
		fields = append(fields, zap.Float64("new", e.New.Float()), zap.Time("new_time", e.New.Timestamp.AsTime()))
	}
	if m.Kind == thresholdKind || m.Kind == cardinalityKind {
		fields = append(fields, zap.Bool("firing", m.Firing), zap.Float64("bound", m.Bound))
	}
	if m.Previous != nil {
		fields = append(fields, zap.Any("before", newMetricJSON(m.Name, m.Previous)), zap.Any("now", newMetricJSON(m.Name, m.Descriptor)))
	}
	if cause := m.Cause.String(); cause != "" {
		fields = append(fields, zap.String("cause", cause))
	}
	return fields
}

func texts(key string, set attribute.Set) zap.Field {
	return zap.Any(key, attributesJSON(set))
}
