package pushgroup

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestRenderingAllocatesNothingPerSeries; what little there is may be of pools that were emptied.
func TestRenderingAllocatesNothingPerSeries(t *testing.T) {
	e := New(standard(), &quiet{})
	e.gateway = newGateway(&http.Client{Transport: taken{}}, "http://gateway")
	e.Add(service("s", 1000))
	for _, g := range e.mu.groups {
		allocs := testing.AllocsPerRun(100, func() {
			b := render(t.Context(), g.store)
			assert.Len(t, b.families, 100)
			b.free()
		})
		assert.Less(t, allocs, 20.0)
	}
}
