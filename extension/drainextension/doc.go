// Package drainextension brings the collector to its end: it tells orchestrators that it lives and whether it takes
// traffic, lets traffic go elsewhere before the receivers stop, and reports what became of the data.
//
// Other components find it on the host (Find) and have it shut things down, flush and clean up.
package drainextension

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml
