package main

import (
	"cmp"
	"fmt"
)

// tracingFromEnvironment is the configuration that switches on the collector's own tracing where the standard
// variables ask for it; a configuration's own service::telemetry wins over it. Headers, certificates and time-outs
// are left to the exporter, which reads the same variables.
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/
func tracingFromEnvironment(getenv func(string) string) []string {
	endpoint := getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if endpoint == "" {
		return nil
	}
	protocol := cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), "http/protobuf")
	uris := []string{fmt.Sprintf(
		"yaml:service::telemetry::traces::processors: [{batch: {exporter: {otlp: {protocol: %q, endpoint: %q}}}}]", protocol, endpoint,
	)}
	if name := getenv("OTEL_SERVICE_NAME"); name != "" {
		uris = append(uris, fmt.Sprintf("yaml:service::telemetry::resource: {service.name: %q}", name))
	}
	return uris
}
