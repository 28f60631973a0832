//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package prometheuspullexporter serves the metrics it is sent as a page for Prometheus to scrape: text, OpenMetrics
// and protobuf, by negotiation. It is the last step of a metrics pipeline.
package prometheuspullexporter
