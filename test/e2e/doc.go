// Package e2e starts the built binary and uses it as its users do: OpenTelemetry SDKs send to it, Prometheus
// scrapes it, an operating system stops it.
//
// SLUICE_BIN names a binary to test; without it the tests build one. SLUICE_E2E=full also runs the tests that
// build foreign distributions, and all rows of the proof that a stop is bounded and balances (drain_test.go).
package e2e
