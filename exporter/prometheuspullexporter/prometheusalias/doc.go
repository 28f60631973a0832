//go:generate go tool -modfile=../../../internal/tools/go.mod mdatagen metadata.yaml

// Package prometheusalias is the prometheus_pull exporter under the name of contrib's prometheus exporter: it takes the
// same keys. A collector that has contrib's leaves this one out, as two exporters cannot have one name.
package prometheusalias
