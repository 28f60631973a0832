package pushgroup

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVerdicts(t *testing.T) {
	for status, want := range map[int]Verdict{
		200: Accepted, 202: Accepted, 204: Accepted, 300: Permanent, 307: Permanent, 400: Inconsistent, 401: Permanent, 403: Permanent,
		404: Permanent, 405: Permanent, 408: Transient, 413: Permanent, 422: Permanent, 429: Transient, 500: Transient, 501: Transient, 503: Transient,
	} {
		assert.Equal(t, want, verdictOf(status), status)
	}
}

func TestRetryAfter(t *testing.T) {
	retryAfter := func(text string) time.Duration {
		return answered(&http.Response{Header: http.Header{"Retry-After": {text}}, Body: http.NoBody}).RetryAfter
	}
	assert.Equal(t, 7*time.Second, retryAfter("7"))
	assert.Equal(t, maxRetryAfter, retryAfter("4000000"))
	assert.Equal(t, maxRetryAfter, retryAfter("99999999999999999999"))
	for _, text := range []string{"", "-1", "x", "-99999999999999999999", "Thu, 01 Jan 1970 00:00:00 GMT", "1.5"} {
		assert.Zero(t, retryAfter(text), text)
	}
	soon := retryAfter(time.Now().Add(time.Minute).UTC().Format(http.TimeFormat))
	assert.InDelta(t, time.Minute, soon, float64(2*time.Second))
}

func TestMessageIsOneBoundedLineOfUTF8(t *testing.T) {
	assert.Equal(t, "a b \uFFFD", message(strings.NewReader(" a\n\tb \xff ")))
	assert.Len(t, message(strings.NewReader(strings.Repeat("x", 1<<20))), maxMessage)
}

// TestRealConnections are the ways in which a server fails that only a network has.
func TestRealConnections(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metrics/job/hangs":
			<-release
		case "/metrics/job/breaks":
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		case "/metrics/job/early": // answers before it has read the body
			w.WriteHeader(http.StatusForbidden)
		case "/metrics/job/redirect":
			http.Redirect(w, r, "/metrics/job/elsewhere", http.StatusTemporaryRedirect)
		case "/metrics/job/elsewhere":
			t.Error("a redirect was followed")
		}
	}))
	defer server.Close()
	defer close(release)
	client := server.Client()
	client.Timeout = 200 * time.Millisecond
	defer client.CloseIdleConnections()
	g := newGateway(client, server.URL)
	body := make([]byte, 8<<20)
	for path, want := range map[string]struct {
		verdict Verdict
		reason  string
	}{
		"hangs": {Transient, "timeout"}, "breaks": {Transient, "network"}, "early": {Permanent, "403"},
		"redirect": {Permanent, "307"}, "ok": {Accepted, "200"},
	} {
		a := g.send(t.Context(), http.MethodPut, "/metrics/job/"+path, body)
		clear(body) // it is ours again, which the race detector checks
		if path == "early" && a.Status == 0 {
			continue // the connection may break before the answer is read
		}
		assert.Equal(t, want.verdict, a.Verdict, path)
		assert.Equal(t, want.reason, a.Reason(), path)
	}
	a := newGateway(client, "http://127.0.0.1:1").send(t.Context(), http.MethodDelete, "/metrics/job/x", nil)
	assert.Equal(t, "network", a.Reason())
	assert.True(t, a.unreachable)
	require.ErrorAs(t, a.Err, new(*net.OpError))
	require.ErrorIs(t, a.Fault(), a.Err)
}
