package pushgroup

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/limiter"
	"github.com/sluice-metrics/sluice/internal/pushgatewaytest"
)

// in runs a test with a world in a bubble.
func in(t *testing.T, change func(*Options), test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, change)
		defer w.close()
		defer func() { _ = w.engine.Shutdown(t.Context()) }()
		w.ctx = t.Context
		test(w)
	})
}

func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestPushesWholeState(t *testing.T) {
	in(t, nil, func(w *world) {
		w.engine.Add(batch("cart", "1", "a", 1, "b", 2))
		w.engine.Add(batch("cart", "2", "a", 3))
		synctest.Wait()
		w.has(`{__name__="a", instance="1", job="cart"} 1`, `{__name__="b", instance="1", job="cart"} 2`, `{__name__="a", instance="2", job="cart"} 3`)
		assert.ElementsMatch(t, []string{"PUT /job/cart/instance/1", "PUT /job/cart/instance/2"}, w.asked())
		time.Sleep(time.Second)
		w.engine.Add(batch("cart", "1", "b", nil, "a", 5))
		wait(8 * time.Second)
		assert.Empty(t, w.asked())
		w.engine.Add(batch("cart", "1", "a", 7))
		wait(time.Second)
		assert.Equal(t, []string{"PUT /job/cart/instance/1"}, w.asked())
		w.has(`{__name__="a", instance="1", job="cart"} 7`, `{__name__="a", instance="2", job="cart"} 3`)
		wait(time.Hour)
		assert.Empty(t, w.asked())
	})
}

func TestSlowGatewayMakesPushesRarerNotOlder(t *testing.T) {
	in(t, nil, func(w *world) {
		w.fail(func(*http.Request) (*reply, error) {
			time.Sleep(time.Minute)
			return nil, nil
		})
		for i := range 119 {
			w.engine.Add(batch("cart", "", "a", i))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		assert.Len(t, w.asked(), 2)
		w.has(`{__name__="a", instance="", job="cart"} 0`)
		wait(time.Hour)
		w.has(`{__name__="a", instance="", job="cart"} 118`)
	})
}

func TestGroupWithoutSeriesIsDeleted(t *testing.T) {
	in(t, func(o *Options) { o.Store.Expiration = time.Minute }, func(w *world) {
		w.engine.Add(batch("cart", "", "a", 1))
		w.engine.Add(batch("shop", "", "a", 1))
		synctest.Wait()
		assert.Equal(t, 2, w.groups())
		time.Sleep(time.Second)
		w.engine.Add(batch("shop", "", "a", nil))
		wait(15 * time.Second)
		assert.Equal(t, 1, w.groups())
		assert.Equal(t, 1, w.engine.Groups())
		wait(2 * time.Minute)
		assert.Zero(t, w.groups())
		assert.Zero(t, w.engine.Groups())
		assert.Zero(t, w.engine.Memory())
		assert.Equal(t, 1, w.heard().expired)
		w.engine.Add(batch("cart", "", "a", 2))
		synctest.Wait()
		w.has(`{__name__="a", instance="", job="cart"} 2`)
	})
}

func TestIdleGroupIsDeletedAfterTTL(t *testing.T) {
	in(t, func(o *Options) { o.TTL = time.Hour }, func(w *world) {
		w.engine.Add(batch("cart", "", "a", 1))
		wait(59 * time.Minute)
		assert.Equal(t, 1, w.groups())
		w.engine.Add(batch("cart", "", "b", 1))
		wait(59 * time.Minute)
		w.has(`{__name__="a", instance="", job="cart"} 1`, `{__name__="b", instance="", job="cart"} 1`)
		w.fail(answer(503))
		wait(10 * time.Minute)
		assert.Equal(t, 1, w.groups())
		w.fail(nil)
		wait(time.Minute)
		assert.Zero(t, w.groups())
		assert.Zero(t, w.engine.Groups())
	})
}

func TestPointsSaveAGroupThatWasToEnd(t *testing.T) {
	in(t, func(o *Options) { o.TTL = time.Minute }, func(w *world) {
		w.engine.Add(batch("cart", "", "a", 1))
		synctest.Wait()
		w.fail(answer(500))
		wait(3 * time.Minute)
		assert.Contains(t, w.asked(), "DELETE /job/cart")
		w.engine.Add(batch("cart", "", "b", 2))
		w.fail(nil)
		wait(20 * time.Second)
		w.has(`{__name__="a", instance="", job="cart"} 1`, `{__name__="b", instance="", job="cart"} 2`)
		assert.NotContains(t, w.asked(), "DELETE /job/cart")
	})
}

func TestTransientFailuresAreRetriedWithTheLatestState(t *testing.T) {
	for name, fault := range map[string]fault{
		"408": answer(408), "429": answer(429), "500": answer(500), "503": answer(503), "network": noAnswer(errors.New("refused")),
	} {
		t.Run(name, func(t *testing.T) {
			in(t, nil, func(w *world) {
				w.fail(fault)
				w.engine.Add(batch("cart", "", "a", 1))
				wait(500 * time.Millisecond)
				assert.Len(t, w.asked(), 1)
				w.engine.Add(batch("cart", "", "a", 2))
				wait(time.Second)
				assert.Len(t, w.asked(), 1)
				wait(time.Minute)
				w.fail(nil)
				wait(20 * time.Second)
				w.has(`{__name__="a", instance="", job="cart"} 2`)
				assert.Equal(t, OutcomeRetry, w.heard().pushed[0].Outcome)
				assert.Equal(t, name, w.heard().pushed[0].Reason)
			})
		})
	}
}

func TestRetryAfterIsHonouredByAllGroups(t *testing.T) {
	in(t, nil, func(w *world) {
		w.fail(answer(429, "Retry-After", "60"))
		w.engine.Add(batch("cart", "", "a", 1))
		synctest.Wait()
		w.fail(nil)
		w.engine.Add(batch("shop", "", "a", 1))
		wait(59 * time.Second)
		assert.Len(t, w.asked(), 1)
		wait(2 * time.Second)
		assert.Equal(t, 2, w.groups())
	})
}

func TestPermanentFailuresAreNotRetried(t *testing.T) {
	for _, status := range []int{301, 307, 401, 403, 404, 405, 413} {
		in(t, nil, func(w *world) {
			w.fail(answer(status, "Location", "/elsewhere"))
			w.engine.Add(batch("cart", "", "a", 1, "b", 2))
			wait(time.Hour)
			assert.Equal(t, []string{"PUT /job/cart"}, w.asked(), status)
			assert.Equal(t, map[Reason]int{ReasonPermanent: 2}, w.heard().dropped)
			require.Len(t, w.heard().health, 1)
			w.fail(nil)
			w.engine.Add(batch("cart", "", "a", 3))
			synctest.Wait()
			w.has(`{__name__="a", instance="", job="cart"} 3`, `{__name__="b", instance="", job="cart"} 2`)
			assert.NoError(t, w.heard().health[1])
		})
	}
}

func TestRefusedFamilyIsFoundAndTheRestSent(t *testing.T) {
	for _, method := range []string{http.MethodPut, http.MethodPost} {
		in(t, func(o *Options) { o.Method = method }, func(w *world) {
			foreign := counter(batch("foreign", "", "c_total", 1))
			w.engine.Add(batch("foreign", "", "x", 1))
			w.engine.Add(foreign)
			wait(11 * time.Second)
			other := newWorldOn(t, w)
			defer func() { _ = other.engine.Shutdown(w.ctx()) }()
			other.engine.Add(batch("cart", "", "a", 1, "b", 2, "c_total", 3, "d", 4, "own", 5))
			synctest.Wait()
			w.has(`{__name__="x", instance="", job="foreign"} 1`, `{__name__="c_total", instance="", job="foreign"} 1`,
				`{__name__="a", instance="", job="cart"} 1`, `{__name__="b", instance="", job="cart"} 2`, `{__name__="d", instance="", job="cart"} 4`,
				`{__name__="own", instance="", job="cart"} 5`)
			require.Len(t, other.heard().refused, 1)
			assert.Contains(t, other.heard().refused[0], "/metrics/job/cart c_total 10s status 400: pushed metrics are invalid")
			assert.Equal(t, map[Reason]int{ReasonRefused: 1}, other.heard().dropped)
			assert.Equal(t, OutcomePartial, other.heard().pushed[0].Outcome)
			asked := len(other.asked())
			assert.LessOrEqual(t, asked, 5)

			if method == http.MethodPost {
				return
			}

			// The family rests; then it is tried again, and taken once nobody is in its way.
			time.Sleep(5 * time.Second)
			other.engine.Add(batch("cart", "", "a", 10))
			wait(6 * time.Second)
			require.Len(t, other.heard().refused, 2)
			assert.Contains(t, other.heard().refused[1], "c_total 20s")
			assert.Len(t, other.asked(), 5)
			other.engine.Add(batch("cart", "", "a", 11))
			wait(10 * time.Second)
			assert.Equal(t, []string{"PUT /job/cart"}, other.asked())
			foreign.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0).SetFlags(1)
			w.engine.Add(foreign)
			wait(2 * time.Minute)
			w.has(`{__name__="x", instance="", job="foreign"} 1`, `{__name__="a", instance="", job="cart"} 11`,
				`{__name__="b", instance="", job="cart"} 2`, `{__name__="c_total", instance="", job="cart"} 3`,
				`{__name__="d", instance="", job="cart"} 4`, `{__name__="own", instance="", job="cart"} 5`)
			other.asked()
			wait(2 * time.Hour)
			assert.Empty(t, other.asked())
		})
	}
}

// newWorldOn is a second engine on the gateway of another world.
func newWorldOn(t tester, w *world) *world {
	opts := w.engine.opts
	other := &world{t: t, gateway: w.gateway, ctx: w.ctx}
	other.told.dropped = map[Reason]int{}
	other.engine = New(opts, other)
	other.engine.Start(context.Background(), &http.Client{Transport: other})
	return other
}

func TestBreakerSparesTheGateway(t *testing.T) {
	in(t, func(o *Options) {
		o.Breaker = &breaker.Config{Threshold: 3, Timeout: time.Minute, MaxTimeout: time.Minute, Probes: 1}
	}, func(w *world) {
		w.fail(answer(500))
		for _, service := range []string{"a", "b", "c", "d", "e", "f"} {
			w.engine.Add(batch(service, "", "x", 1))
		}
		wait(50 * time.Second)
		assert.LessOrEqual(t, len(w.asked()), 4)
		require.Len(t, w.heard().health, 1)
		require.ErrorContains(t, w.heard().health[0], "circuit breaker is open: status 500")
		w.fail(nil)
		wait(time.Minute)
		assert.Equal(t, 6, w.groups())
		assert.NoError(t, w.heard().health[1])
	})
}

func TestRateLimit(t *testing.T) {
	in(t, func(o *Options) { o.Rate = limiter.Rate{PerSecond: 2, Burst: 4} }, func(w *world) {
		for i := range 20 {
			w.engine.Add(batch("s", string(rune('a'+i)), "x", 1))
		}
		synctest.Wait()
		assert.Len(t, w.asked(), 4)
		wait(4 * time.Second)
		assert.Len(t, w.asked(), 8)
		wait(4 * time.Second)
		assert.Equal(t, 20, w.groups())
	})
}

func TestGatewayThatForgotGetsIdleGroupsAgain(t *testing.T) {
	in(t, func(o *Options) { o.Probe = 30 * time.Second }, func(w *world) {
		w.engine.Add(batch("idle", "", "x", 1))
		w.engine.Add(batch("live", "", "x", 1))
		wait(time.Minute)
		w.fail(noAnswer(errors.New("connection refused")))
		wait(time.Minute)
		w.restart()
		w.fail(nil)
		assert.Zero(t, w.groups())
		wait(time.Minute)
		w.has(`{__name__="x", instance="", job="idle"} 1`, `{__name__="x", instance="", job="live"} 1`)
		require.Len(t, w.heard().health, 2)
		require.ErrorContains(t, w.heard().health[0], "gateway is not ready")
		assert.NoError(t, w.heard().health[1])
	})
}

func TestGroupsThatCannotBeAreRefused(t *testing.T) {
	in(t, func(o *Options) { o.MaxGroups = 2; o.Rules[0].Default = "" }, func(w *world) {
		added := w.engine.Add(batch("a\xff", "", "x", 1, "y", 2))
		assert.Equal(t, map[Reason]int{ReasonInvalidUTF8: 1}, added.Groups)
		assert.Equal(t, map[Reason]int{ReasonInvalidUTF8: 2}, added.Points)
		assert.Equal(t, map[Reason]int{ReasonMissingJob: 1}, w.engine.Add(batch("", "", "x", 1)).Groups)
		assert.Equal(t, map[Reason]int{ReasonTooLong: 1}, w.engine.Add(batch(string(make([]byte, 5000)), "", "x", 1)).Groups)
		for _, service := range []string{"a", "b"} {
			assert.Nil(t, w.engine.Add(batch(service, "", "x", 1)).Groups)
		}
		assert.Equal(t, map[Reason]int{ReasonMaxGroups: 1}, w.engine.Add(batch("c", "", "x", 1)).Groups)
		assert.Nil(t, w.engine.Add(batch("b", "", "x", 2)).Groups)
		synctest.Wait()
		assert.Equal(t, 2, w.groups())
	})
}

func TestGroupsThatNeverHadASeriesAreForgotten(t *testing.T) {
	in(t, nil, func(w *world) {
		w.engine.Add(batch("cart", "", "", 1))
		w.engine.Add(batch("cart", "", "push_time_seconds", 1))
		w.engine.Add(batch("shop", "", "x", nil))
		synctest.Wait()
		assert.Zero(t, w.engine.Groups())
		assert.Zero(t, w.engine.Memory())
		assert.Empty(t, w.asked())
	})
}

func TestOddValuesReachTheirGroups(t *testing.T) {
	in(t, nil, func(w *world) {
		for _, service := range []string{"a/b/c", ".", "..", "my job", "100%", "+", "=", "ü", "a@base64", "\x00"} {
			w.engine.Add(batch(service, "x/../y", "m", 1))
		}
		synctest.Wait()
		assert.Equal(t, 10, w.groups())
		for _, g := range w.gateway.Groups() {
			assert.Equal(t, "x/../y", g.Labels["instance"])
		}
		page, err := w.gateway.Read(pushgatewaytest.Text)
		require.NoError(t, err)
		assert.InDelta(t, 1, page.Values[`{__name__="m", instance="x/../y", job="a/b/c"}`], 0)
	})
}

func TestMaxBodyLeavesOutWhatDoesNotFit(t *testing.T) {
	in(t, func(o *Options) { o.MaxBody = 50 }, func(w *world) {
		w.engine.Add(batch("cart", "", "a", 1, "b_long_long_long_long_long_long_long_long_long_long", 2, "c", 3))
		synctest.Wait()
		w.has(`{__name__="a", instance="", job="cart"} 1`, `{__name__="c", instance="", job="cart"} 3`)
		assert.Equal(t, map[Reason]int{ReasonMaxBody: 1}, w.heard().dropped)
		assert.Equal(t, OutcomePartial, w.heard().pushed[0].Outcome)
	})
}

func TestUncheckedGatewayIsWarnedOfOnce(t *testing.T) {
	in(t, nil, func(w *world) {
		require.NoError(t, w.gateway.Close())
		w.gateway = pushgatewaytest.New(pushgatewaytest.Options{Unchecked: true})
		for i := range 3 {
			w.engine.Add(batch("cart", "", "a", i))
			wait(20 * time.Second)
		}
		assert.Equal(t, 1, w.heard().unchecked)
		w.has(`{__name__="a", instance="", job="cart"} 2`)
	})
}
