// Package streamerprocessor filters and reshapes metrics in flight: ordered rules drop, keep or transform by OTTL.
//
// The rules themselves are the engine in internal/rules; this package gives them their configuration, their functions,
// their self-metrics and their place in a pipeline.
package streamerprocessor

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml
