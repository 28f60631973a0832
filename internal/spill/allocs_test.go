//go:build !race

package spill

// The race detector drops from pools at random, so that their users allocate.

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestAppendAllocatesNothing but for the index, which grows.
func TestAppendAllocatesNothing(t *testing.T) {
	l := open(t, Options{Directory: t.TempDir(), MaxDiskBytes: 1 << 30})
	data, seq := page()[:1<<10], uint64(0)
	l.lanes[0] = &lane{entries: make([]entry, 0, 2000)}
	n := testing.AllocsPerRun(1000, func() {
		seq++
		_, _ = l.Append(t.Context(), Record{Seq: seq, Data: data})
	})
	assert.Zero(t, n)
}
