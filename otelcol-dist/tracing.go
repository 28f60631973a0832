package main

import (
	"cmp"
	"context"

	"go.opentelemetry.io/collector/confmap"
)

// tracing switches on the collector's own tracing where the standard variables ask for it and the configuration says
// nothing of it. Headers, certificates and time-outs are left to the exporter, which reads the same variables.
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/
type tracing struct{ getenv func(string) string }

func tracingFromEnvironment(getenv func(string) string) confmap.ConverterFactory {
	return confmap.NewConverterFactory(func(confmap.ConverterSettings) confmap.Converter { return tracing{getenv} })
}

const (
	processorsKey = "service::telemetry::traces::processors"
	resourceKey   = "service::telemetry::resource"
)

// Convert adds what the environment says to conf.
func (t tracing) Convert(_ context.Context, conf *confmap.Conf) error {
	endpoint := t.getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if endpoint == "" || conf.Get(processorsKey) != nil {
		return nil
	}
	otlp := map[string]any{
		"endpoint": endpoint,
		"protocol": cmp.Or(t.getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), t.getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), "http/protobuf"),
	}
	batch := map[string]any{"batch": map[string]any{"exporter": map[string]any{"otlp": otlp}}}
	added := map[string]any{processorsKey: []any{batch}}
	if name := t.getenv("OTEL_SERVICE_NAME"); name != "" && conf.Get(resourceKey) == nil {
		added[resourceKey] = map[string]any{"service.name": name}
	}
	return conf.Merge(confmap.NewFromStringMap(added))
}
