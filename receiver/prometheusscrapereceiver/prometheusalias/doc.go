//go:generate go tool -modfile=../../../internal/tools/go.mod mdatagen metadata.yaml

// Package prometheusalias is the prometheus_scrape receiver under the name of contrib's prometheus receiver: it takes the
// same keys. A collector that has contrib's leaves this one out, as two receivers cannot have one name.
package prometheusalias
