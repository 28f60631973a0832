package dispatch

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestPushAllocatesNothing(t *testing.T) {
	d := New[[12]uint64](Options{MinWorkers: 1, MaxWorkers: 1})
	l := d.Add(Settings[[12]uint64]{Size: 1000, Deliver: func(context.Context, [][12]uint64) error { return nil }})
	defer d.Close(context.Background())
	events := make([][12]uint64, 64)
	for range 100 { // the queue has grown, the worker is there
		l.Push(context.Background(), events)
	}
	assert.Less(t, testing.AllocsPerRun(1000, func() { l.Push(context.Background(), events) }), 1.0, "in 64 events")
}

// BenchmarkDispatch is the time per event from Push to its delivery to each of the lanes, one at a time.
func BenchmarkDispatch(b *testing.B) {
	for _, lanes := range []int{1, 4} {
		b.Run(fmt.Sprintf("lanes=%d", lanes), func(b *testing.B) {
			d := New[[12]uint64](Options{MinWorkers: 1, MaxWorkers: 4})
			var all []*Lane[[12]uint64]
			for range lanes {
				all = append(all, d.Add(Settings[[12]uint64]{
					Size: 10_000, OnOverflow: Block, BlockTimeout: time.Minute, Timeout: time.Second,
					Deliver: func(context.Context, [][12]uint64) error { return nil },
				}))
			}
			events := make([][12]uint64, 64)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if n++; n%64 == 0 {
					for _, l := range all {
						l.Push(context.Background(), events)
					}
				}
			}
			d.Close(context.Background())
		})
	}
}
