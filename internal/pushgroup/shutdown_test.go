package pushgroup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/internal/breaker"
)

func TestShutdownPushesWhatHasChanged(t *testing.T) {
	in(t, nil, func(w *world) {
		w.engine.Add(batch("changed", "", "x", 1))
		w.engine.Add(batch("same", "", "x", 1))
		w.engine.Add(batch("ends", "", "x", 1))
		synctest.Wait()
		w.asked()
		w.engine.Add(batch("changed", "", "x", 2))
		w.engine.Add(batch("ends", "", "x", nil))
		begin := time.Now()
		require.NoError(t, w.engine.Shutdown(w.ctx()))
		assert.Zero(t, time.Since(begin))
		assert.ElementsMatch(t, []string{"PUT /job/changed", "DELETE /job/ends"}, w.asked())
		w.has(`{__name__="x", instance="", job="changed"} 2`, `{__name__="x", instance="", job="same"} 1`)
		require.NoError(t, w.engine.Shutdown(w.ctx()))
	})
}

func TestShutdownDeletesGroups(t *testing.T) {
	in(t, func(o *Options) { o.OnShutdown = Delete }, func(w *world) {
		other := newWorldOn(t, w)
		other.engine.Add(batch("other", "", "x", 1))
		w.engine.Add(batch("a", "", "x", 1))
		w.engine.Add(batch("b", "", "x", 1))
		synctest.Wait()
		w.engine.Add(batch("b", "", "x", 2))
		w.engine.Add(batch("never", "", "y", nil))
		w.asked()
		require.NoError(t, w.engine.Shutdown(w.ctx()))
		assert.ElementsMatch(t, []string{"DELETE /job/a", "DELETE /job/b"}, w.asked())
		w.has(`{__name__="x", instance="", job="other"} 1`)
		other.engine.opts.OnShutdown = Keep
		require.NoError(t, other.engine.Shutdown(w.ctx()))
	})
}

func TestShutdownWaitsForAPushBeforeItDeletes(t *testing.T) {
	in(t, func(o *Options) { o.OnShutdown = Delete }, func(w *world) {
		w.fail(func(*http.Request) (*reply, error) {
			time.Sleep(5 * time.Second)
			return nil, nil
		})
		w.engine.Add(batch("a", "", "x", 1))
		synctest.Wait()
		begin := time.Now()
		require.NoError(t, w.engine.Shutdown(w.ctx()))
		assert.Equal(t, 10*time.Second, time.Since(begin))
		assert.Equal(t, []string{"PUT /job/a", "DELETE /job/a"}, w.asked())
		assert.Zero(t, w.groups())
	})
}

func TestShutdownKeepsGroups(t *testing.T) {
	in(t, func(o *Options) { o.OnShutdown = Keep }, func(w *world) {
		w.engine.Add(batch("a", "", "x", 1))
		synctest.Wait()
		w.engine.Add(batch("a", "", "x", 2))
		w.asked()
		require.NoError(t, w.engine.Shutdown(w.ctx()))
		assert.Empty(t, w.asked())
		w.has(`{__name__="x", instance="", job="a"} 1`)
		assert.Equal(t, map[Reason]int{ReasonShutdown: 1}, w.heard().dropped)
	})
}

// TestLastTurnWaitsForNothing: neither for a backoff nor for a Retry-After of before.
func TestLastTurnWaitsForNothing(t *testing.T) {
	in(t, func(o *Options) { o.Retry.Initial, o.Retry.Max = time.Minute, time.Minute }, func(w *world) {
		w.fail(answer(503, "Retry-After", "600"))
		w.engine.Add(batch("a", "", "x", 1))
		w.engine.Add(batch("b", "", "x", 1))
		synctest.Wait()
		w.fail(nil)
		begin := time.Now()
		require.NoError(t, w.engine.Shutdown(w.ctx()))
		assert.Zero(t, time.Since(begin))
		assert.Equal(t, 2, w.groups())
	})
}

// TestShutdownEndsInTime: in each mode, with a gateway that fails in each way.
func TestShutdownEndsInTime(t *testing.T) {
	hangs := func(req *http.Request) (*reply, error) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	for _, mode := range []Mode{FinalPush, Delete, Keep} {
		for name, fault := range map[string]fault{
			"500": answer(500), "429": answer(429, "Retry-After", "3600"), "network": noAnswer(errors.New("gone")), "hangs": hangs,
		} {
			t.Run(fmt.Sprint(mode, " ", name), func(t *testing.T) {
				change := func(o *Options) {
					o.OnShutdown = mode
					o.Breaker = &breaker.Config{Threshold: 2, Timeout: time.Hour, MaxTimeout: time.Hour, Probes: 1}
				}
				in(t, change, func(w *world) {
					for i := range 20 {
						w.engine.Add(batch(fmt.Sprint("s", i), "", "x", 1))
					}
					synctest.Wait()
					w.fail(fault)
					for i := range 20 {
						w.engine.Add(batch(fmt.Sprint("s", i), "", "x", 2))
					}
					time.Sleep(15 * time.Second)
					ctx, cancel := context.WithTimeout(w.ctx(), 5*time.Second)
					defer cancel()
					begin := time.Now()
					err := w.engine.Shutdown(ctx)
					assert.LessOrEqual(t, time.Since(begin), 5*time.Second)
					if mode != Delete {
						assert.Equal(t, 20, w.heard().dropped[ReasonShutdown])
					}
					if mode == Keep {
						require.NoError(t, err)
						return
					}
					require.ErrorContains(t, err, "20 groups with 20 series")
				})
			})
		}
	}
}

func TestShutdownTriesAgainWhileThereIsTime(t *testing.T) {
	in(t, func(o *Options) {
		o.Breaker = &breaker.Config{Threshold: 1, Timeout: time.Hour, MaxTimeout: time.Hour, Probes: 1}
	}, func(w *world) {
		w.fail(answer(503))
		w.engine.Add(batch("a", "", "x", 1))
		synctest.Wait()
		time.AfterFunc(5*time.Second, func() { w.fail(nil) })
		require.NoError(t, w.engine.Shutdown(w.ctx()))
		w.has(`{__name__="x", instance="", job="a"} 1`)
	})
}

// TestShutdownDoesNotWaitForAGatewayThatIsDown for as long as it has.
func TestShutdownDoesNotWaitForAGatewayThatIsDown(t *testing.T) {
	in(t, nil, func(w *world) {
		w.fail(answer(503))
		for i := range 50 {
			w.engine.Add(batch(fmt.Sprint("s", i), "", "x", 1))
		}
		synctest.Wait()
		begin := time.Now()
		require.ErrorContains(t, w.engine.Shutdown(w.ctx()), "50 groups")
		assert.LessOrEqual(t, time.Since(begin), lastTries)
		assert.Greater(t, time.Since(begin), lastTries/4)
	})
}

func TestShutdownWithoutRetryTriesOnce(t *testing.T) {
	in(t, func(o *Options) { o.Retry.Enabled = false }, func(w *world) {
		w.fail(answer(503))
		w.engine.Add(batch("a", "", "x", 1))
		synctest.Wait()
		w.asked()
		require.Error(t, w.engine.Shutdown(w.ctx()))
		assert.Len(t, w.asked(), 1)
	})
}

func TestShutdownWithoutStart(t *testing.T) {
	e := New(standard(), &world{})
	require.NoError(t, e.Shutdown(t.Context()))
	require.NoError(t, e.Shutdown(t.Context()))
	e.Add(batch("a", "", "x", 1))
}
