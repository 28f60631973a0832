// Package streamerprocessor filters and reshapes metrics in flight: ordered rules drop, keep or transform by OTTL. Behind them
// a buffer, if there is one, keeps what the next component does not take.
//
// The rules and the buffer themselves are the engines in internal/rules and internal/buffer; this package gives them their
// configuration, their functions, their self-metrics and their place in a pipeline.
package streamerprocessor

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml
