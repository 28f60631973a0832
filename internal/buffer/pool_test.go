package buffer

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/featuregate"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/xpdata/pref"
)

const poolGate = "pdata.useProtoPooling"

// withPool gives metrics back to a pool when they are consumed, as collectors do with the gate on.
func withPool(t *testing.T) {
	t.Helper()
	require.NoError(t, featuregate.GlobalRegistry().Set(poolGate, true))
	t.Cleanup(func() { require.NoError(t, featuregate.GlobalRegistry().Set(poolGate, false)) })
}

// consumed calls a consumer as the service does.
func consumed(md pmetric.Metrics, consume func(pmetric.Metrics) error) error {
	if pref.MarkPipelineOwnedMetrics(md) {
		defer pref.UnrefMetrics(md)
	}
	return consume(md)
}

// late is a reader behind a buffer that looks at what it was given some time after it has returned.
type late struct {
	mu      sync.Mutex
	readers sync.WaitGroup
	seen    map[string][]int64
}

func (l *late) take(md pmetric.Metrics) {
	pref.RefMetrics(md)
	l.readers.Go(func() {
		defer pref.UnrefMetrics(md)
		time.Sleep(30 * time.Millisecond)
		l.mu.Lock()
		defer l.mu.Unlock()
		for stream, values := range read(md) {
			l.seen[stream] = append(l.seen[stream], values...)
		}
	})
}

func TestValuesStayIntactWithAPool(t *testing.T) {
	withPool(t)
	for _, shared := range []bool{true, false} {
		for name, change := range map[string]func(*Options){
			"as it comes": func(*Options) {},
			"in pieces":   func(o *Options) { o.BatchItems = 3 },
			"merged":      func(o *Options) { o.FlushInterval = 50 * time.Millisecond },
			"on disk":     func(o *Options) { o.Directory, o.SpillThreshold = t.TempDir(), 1 },
		} {
			for _, streams := range []int{1, 50} {
				t.Run(fmt.Sprintf("%s, shared %t, %d streams", name, shared, streams), func(t *testing.T) {
					opts := testOptions(nil)
					opts.Shared, opts.Streams.Max = shared, streams
					change(&opts)
					synctest.Test(t, func(t *testing.T) { pooled(t, opts) })
				})
			}
		}
	}
}

func pooled(t *testing.T, opts Options) {
	t.Helper()
	readers := [2]late{{seen: map[string][]int64{}}, {seen: map[string][]int64{}}}
	calls := 0
	var mu sync.Mutex
	opts.Deliver = func(_ context.Context, md pmetric.Metrics) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls%5 == 0 {
			return errBusy
		}
		return consumed(md, func(md pmetric.Metrics) error {
			for i := range readers {
				readers[i].take(md)
			}
			return nil
		})
	}
	b := started(t, opts)
	names := []string{"a", "b", "c"}
	const rounds, each = 40, 7
	for round := range int64(rounds) {
		md := pmetric.NewMetrics()
		for _, name := range names {
			addPoints(md, name, between(round*each+1, (round+1)*each)...)
		}
		require.NoError(t, consumed(md, func(md pmetric.Metrics) error { return b.Add(t.Context(), md) }))
		pass(10 * time.Millisecond)
	}
	pass(10 * time.Minute)
	for i := range readers {
		readers[i].readers.Wait()
		for _, name := range names {
			slices.Sort(readers[i].seen[name]) // they look at several batches at once
			assert.Equal(t, upTo(rounds*each), readers[i].seen[name])
		}
	}
	balanced(t, b.Stats())
}
