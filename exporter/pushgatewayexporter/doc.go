//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package pushgatewayexporter pushes the metrics it is sent to a Prometheus Pushgateway, each group of them whole. It is
// the last step of a metrics pipeline.
package pushgatewayexporter
