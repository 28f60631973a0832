//go:build race

package rules

// pooled says that what is put back to a pool is there again, which the race detector prevents now and then.
const pooled = false
