//go:build race

package streamerprocessor_test

// oneIn is of how many random programs one is run: the race detector is some ten times slower.
const oneIn = 10
