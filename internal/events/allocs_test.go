//go:build !race

package events

// The race detector drops from pools at random, so that their users allocate.

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// A point of a known series costs no memory, whether a hook is told of it or not.
func TestPublishAllocatesNothing(t *testing.T) {
	for name, c := range published {
		t.Run(name, func(t *testing.T) {
			o := newBenched(t, 2, c.set)
			const rounds = 50
			var batches []pmetric.Metrics
			for at := range 2 * rounds {
				md := batchOf(10, 10)
				move(md, at+1)
				batches = append(batches, md)
			}
			next := func() {
				o.Publish(context.Background(), batches[0])
				batches = batches[1:]
			}
			for range rounds - 2 {
				next() // queues and buffers grow
			}
			assert.Less(t, testing.AllocsPerRun(rounds, next), 1.0, "for 100 points")
		})
	}
}
