//go:build !race

package scrape

// simulated is how many targets there are.
const simulated = 10_000
