package pushgroup

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTenThousandGroups are pushed, pushed again as they change, and deleted. The gateway is one that checks nothing: its
// check regathers all groups for each push.
func TestTenThousandGroups(t *testing.T) {
	const groups = 10_000
	synctest.Test(t, func(t *testing.T) {
		opts := func(o *Options) {
			o.MaxGroups, o.Concurrency, o.OnShutdown = groups, 4, Delete
		}
		w := newUncheckedWorld(t, opts)
		defer w.close()
		for round := range 2 {
			for i := range groups {
				w.engine.Add(batch(fmt.Sprint("s", i), "", "x", round, "y", i))
			}
			assert.Equal(t, groups, w.engine.Groups())
			time.Sleep(11 * time.Second)
			synctest.Wait()
			assert.Zero(t, w.engine.Pending())
			assert.Len(t, w.asked(), groups)
			assert.Equal(t, groups, w.groups())
		}
		assert.Empty(t, w.heard().dropped)
		page, err := w.gateway.Read("text/plain")
		require.NoError(t, err)
		assert.Len(t, page.Values, 2*groups)
		assert.InDelta(t, 4711, page.Values[`{__name__="y", instance="", job="s4711"}`], 0)
		require.NoError(t, w.engine.Shutdown(t.Context()))
		assert.Zero(t, w.groups())
	})
}
