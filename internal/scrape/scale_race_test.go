//go:build race

package scrape

// simulated is fewer than without the race detector, which is some ten times slower.
const simulated = 1000
