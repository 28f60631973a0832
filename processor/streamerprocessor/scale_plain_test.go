//go:build !race

package streamerprocessor_test

// oneIn is of how many random programs one is run.
const oneIn = 1
