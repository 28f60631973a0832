package buffer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// storages are what a buffer may have beside memory.
var storages = map[string]history{
	"memory":    {},
	"directory": {directory: true, maxDisk: 1 << 26},
	"persisted": {directory: true, persisted: true, maxDisk: 1 << 26},
}

// TestTakersThatFail: whatever the taker does, and whether it recovers or the process stops, each point is accounted for.
func TestTakersThatFail(t *testing.T) {
	ends := map[string]func(*testing.T, *world){
		"recovers": func(t *testing.T, w *world) { t.Helper(); require.NoError(t, w.settle()) },
		"stops":    stopsAndStarts,
	}
	for _, mood := range []string{"busy", "slow", "hanging", "stubborn", "flapping", "permanent", "one"} {
		for storage, h := range storages {
			for end, run := range ends {
				t.Run(mood+"/"+storage+"/"+end, func(t *testing.T) {
					dir := t.TempDir()
					synctest.Test(t, func(t *testing.T) { run(t, loaded(t, h, mood, dir)) })
				})
			}
		}
	}
}

// loaded is a world in which 3 streams have sent more than memory holds to a taker of that mood.
func loaded(t *testing.T, h history, mood, dir string) *world {
	t.Helper()
	h.maxBytes, h.threshold, h.batchBytes, h.batchItems, h.streams, h.workers = 20_000, 8_000, 1000, 5, 3, 2
	w, err := newWorld(&h, dir)
	require.NoError(t, err)
	t.Cleanup(w.end)
	w.taker.become(mood)
	for range 100 {
		w.add(modelStep{streams: []string{"a", "b", "c"}, points: 2, wait: 3 * time.Second})
		require.NoError(t, w.check())
		pass(100 * time.Millisecond)
	}
	return w
}

// stopsAndStarts stops with the taker as it is, and lets another buffer deliver the rest to one that is willing.
func stopsAndStarts(t *testing.T, w *world) {
	t.Helper()
	b := w.b
	time.AfterFunc(1200*time.Millisecond, func() {
		if w.directory {
			assert.Zero(t, b.Stats().MemoryPoints, "what is in memory is on disk after a second")
		}
	})
	require.NoError(t, w.restart(5*time.Second))
	require.NoError(t, w.settle())
}
