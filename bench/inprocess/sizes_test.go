package inprocess

import (
	"fmt"
	"testing"
)

// largestShort is the largest number of series under -short.
const largestShort = 10_000

// sizes are those numbers of series that are to be run.
func sizes(all ...int) []int {
	if !testing.Short() {
		return all
	}
	var out []int
	for _, n := range all {
		if n <= largestShort {
			out = append(out, n)
		}
	}
	return out
}

func ofSize(series int) string {
	return fmt.Sprintf("series=%d", series)
}
