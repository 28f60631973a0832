package pushgroup

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// refusing is a gateway that refuses bodies with any of the families, without naming them.
func refusing(families ...string) fault {
	return func(req *http.Request) (*reply, error) {
		if req.Body == nil {
			return nil, nil
		}
		text, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		for _, name := range families {
			if strings.Contains(string(text), name) {
				return &reply{status: http.StatusBadRequest, body: "something is wrong\n"}, nil
			}
		}
		req.Body = io.NopCloser(strings.NewReader(string(text)))
		return nil, nil
	}
}

func many(n int) []any {
	values := make([]any, 0, 2*n)
	for i := range n {
		values = append(values, fmt.Sprintf("m%03d", i), i)
	}
	return values
}

func TestIsolationFindsAllThatAreRefused(t *testing.T) {
	in(t, nil, func(w *world) {
		w.fail(refusing("m017", "m018", "m300"))
		w.engine.Add(batch("a", "", many(400)...))
		synctest.Wait()
		page, err := w.gateway.Read("text/plain")
		require.NoError(t, err)
		assert.Len(t, page.Values, 397)
		require.Len(t, w.heard().refused, 3)
		assert.Contains(t, w.heard().refused[0], "/metrics/job/a m017 10s status 400: something is wrong")
		assert.LessOrEqual(t, len(w.asked()), 40)
		assert.Equal(t, map[Reason]int{ReasonRefused: 3}, w.heard().dropped)
		r := w.heard().pushed[0]
		assert.Equal(t, OutcomePartial, r.Outcome)
		assert.Equal(t, 397, r.Series)

		// What is known is left out of the next pushes, and suspected in those of other groups.
		time.Sleep(9 * time.Second)
		w.engine.Add(batch("b", "", many(400)...))
		synctest.Wait()
		assert.LessOrEqual(t, len(w.asked()), 7)
	})
}

func TestIsolationIsBounded(t *testing.T) {
	in(t, nil, func(w *world) {
		bad := make([]string, 0, 200)
		for i := range 200 {
			bad = append(bad, fmt.Sprintf("m%03d", 2*i))
		}
		w.fail(refusing(bad...))
		w.engine.Add(batch("a", "", many(400)...))
		synctest.Wait()
		assert.LessOrEqual(t, len(w.asked()), maxIsolation+3)
		assert.Positive(t, w.heard().dropped[ReasonUnsettled])
		for range 200 { // each turn finds more
			time.Sleep(30 * time.Second)
			w.engine.Add(batch("a", "", "m001", 1))
		}
		page, err := w.gateway.Read("text/plain")
		require.NoError(t, err)
		assert.Len(t, page.Values, 200)
	})
}

func TestNoFamilyIsBlamedForAGatewayThatRefusesEverything(t *testing.T) {
	in(t, nil, func(w *world) {
		// Somebody else has poisoned it.
		resp, err := w.gateway.RoundTrip(mustRequest(http.MethodPut, "/metrics/job@base64/_w", "x 1\n"))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		w.engine.Add(batch("a", "", many(10)...))
		wait(time.Hour)
		assert.Equal(t, []string{"PUT /job/a", "POST /job/a"}, w.asked())
		assert.Empty(t, w.heard().refused)
		assert.Equal(t, OutcomePermanent, w.heard().pushed[0].Outcome)
		assert.Equal(t, map[Reason]int{ReasonPermanent: 10}, w.heard().dropped)
		resp, err = w.gateway.RoundTrip(mustRequest(http.MethodDelete, "/metrics/job@base64/_w", ""))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		w.engine.Add(batch("a", "", "m000", 5))
		synctest.Wait()
		page, err := w.gateway.Read("text/plain")
		require.NoError(t, err)
		assert.Len(t, page.Values, 10)
	})
}

func mustRequest(method, path, body string) *http.Request {
	req, err := http.NewRequestWithContext(context.Background(), method, "http://gateway"+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	return req
}

func TestFailureDuringIsolationIsRetried(t *testing.T) {
	in(t, nil, func(w *world) {
		refuse, n := refusing("m003"), 0
		w.fail(func(req *http.Request) (*reply, error) {
			if n++; n == 4 {
				return answer(503)(req)
			}
			return refuse(req)
		})
		w.engine.Add(batch("a", "", many(8)...))
		wait(30 * time.Second)
		page, err := w.gateway.Read("text/plain")
		require.NoError(t, err)
		assert.Len(t, page.Values, 7)
		assert.Equal(t, OutcomeRetry, w.heard().pushed[0].Outcome)
	})
}

func TestTypesAndHelpAreReconciledAcrossGroups(t *testing.T) {
	in(t, nil, func(w *world) {
		first, second := batch("a", "", "x_total", 1, "y", 1), batch("b", "", "y", 2)
		first.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(1).SetDescription("one")
		second.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetDescription("two")
		w.engine.Add(first)
		w.engine.Add(second)
		added := w.engine.Add(counter(batch("b", "", "x_total", 2)))
		assert.Len(t, added.Conflicts, 1)
		synctest.Wait()
		assert.Empty(t, w.heard().refused)
		page, err := w.gateway.Read("text/plain")
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"y": "one"}, page.Helps)
		w.has(`{__name__="x_total", instance="", job="a"} 1`, `{__name__="y", instance="", job="a"} 1`, `{__name__="y", instance="", job="b"} 2`)
	})
}
