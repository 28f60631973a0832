// Package drainextension tells orchestrators whether the collector lives and whether it takes traffic: liveness
// and readiness are two endpoints because a collector that stops is alive until it is gone.
package drainextension

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml
