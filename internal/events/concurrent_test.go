package events

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/internal/dispatch"
)

// TestManyPublishAtOnce lets publishers share series, while hooks come and go and series expire: a hook that loses nothing is
// told of each series without a gap, each event beginning where the one before it has ended.
func TestManyPublishAtOnce(t *testing.T) {
	o := New(Options{Dispatch: dispatch.Options{MinWorkers: 1, MaxWorkers: 4}, MaxSeries: 1000, Expiration: time.Hour})
	o.Start()
	b, h := hook(t, o, Settings{On: KindsOf(Created, Updated), Lane: dispatch.Settings[Event]{OnOverflow: dispatch.Block, BlockTimeout: time.Minute, Size: 50}})
	var publishers, others sync.WaitGroup
	const rounds = 300
	for p := range 4 {
		publishers.Go(func() {
			for i := range rounds {
				at := 4*i + p + 1
				o.Publish(t.Context(), batch(
					point{target: strconv.Itoa(i % 3), metric: "m", value: float64(at), at: at}, point{target: "all", metric: "m", value: float64(at), at: at},
				))
			}
		})
	}
	done := make(chan struct{})
	others.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			h, err := o.Add(Settings{On: all, Lane: dispatch.Settings[Event]{Size: 5, Deliver: func(context.Context, []Event) error { return nil }}})
			if assert.NoError(t, err) {
				o.sweep(time.Now())
				o.Remove(h)
			}
		}
	})
	publishers.Wait()
	close(done)
	others.Wait()
	closed(t, o)
	last := map[string]Sample{}
	list := b.take()
	for i := range list {
		e := &list[i]
		require.Equal(t, uint64(i+1), e.Metric.Sequence)
		target, _ := e.Metric.Resource.Attributes.Value("service.name")
		require.Equal(t, last[target.AsString()], e.Old)
		require.Greater(t, e.New.Timestamp, e.Old.Timestamp)
		last[target.AsString()] = e.New
	}
	require.Len(t, last, 4)
	require.Equal(t, h.Lane().Published(), h.Lane().Delivered())
}
