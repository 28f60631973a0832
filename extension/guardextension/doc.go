// Package guardextension refuses overload early and politely, as a middleware of every server and client that is built from
// confighttp or configgrpc: it bounds rates, what is in flight and memory on the way in, and spares a backend that fails on
// the way out.
package guardextension

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml
