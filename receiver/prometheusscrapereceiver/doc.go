//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package prometheusscrapereceiver gets metrics from targets as Prometheus does: with its configuration, its discovery
// and its rules, and hands them on as OTLP. It is the first step of a metrics pipeline.
package prometheusscrapereceiver
