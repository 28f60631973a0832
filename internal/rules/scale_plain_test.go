//go:build !race

package rules

// pooled says that what is put back to a pool is there again.
const pooled = true
