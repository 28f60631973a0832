package scrape

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/internal/retryafter"
)

// serve is a target that answers with handler, and a fetcher of its page.
func serve(t *testing.T, limit int64, handler http.HandlerFunc) *Fetcher {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return NewFetcher(server.Client(), server.URL, http.Header{"Accept-Encoding": {"gzip"}}, limit)
}

func zipped(tb testing.TB, text string) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, err := io.WriteString(w, text)
	require.NoError(tb, err)
	require.NoError(tb, w.Close())
	return buf.Bytes()
}

func TestFetch(t *testing.T) {
	for _, coding := range []string{"", "gzip"} {
		f := serve(t, 100, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			if coding == "" {
				_, _ = io.WriteString(w, "a 1\n")
				return
			}
			w.Header().Set("Content-Encoding", coding)
			_, _ = w.Write(zipped(t, "a 1\n"))
		})
		for range 3 {
			var body Body
			contentType, err := f.Fetch(t.Context(), &body)
			require.NoError(t, err)
			assert.Equal(t, "text/plain", contentType)
			assert.Equal(t, "a 1\n", string(body.Bytes()))
		}
	}
}

func TestABombIsReadToTheLimitOnly(t *testing.T) {
	f := serve(t, 1000, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(zipped(t, strings.Repeat("0", 50_000_000)))
	})
	var body Body
	_, err := f.Fetch(t.Context(), &body)
	require.ErrorIs(t, err, ErrTooLarge)
	assert.LessOrEqual(t, len(body.Bytes()), 1000)
	assert.Less(t, cap(body.Bytes()), 10_000)
}

func TestAnswersThatAreNoPage(t *testing.T) {
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		says    string
	}{
		"status": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, "418 I'm a teapot"},
		"no gzip": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, "plain text, it says gzip")
		}, "gzip"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "a 1\n")
		}, "EOF"},
		"gzip cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			text := zipped(t, "a 1\n")
			_, _ = w.Write(text[:len(text)-3])
		}, "EOF"},
	} {
		var body Body
		_, err := serve(t, 0, tt.handler).Fetch(t.Context(), &body)
		require.ErrorContains(t, err, tt.says, name)
	}
}

func TestFetchKeepsItsDeadline(t *testing.T) {
	released := make(chan struct{})
	defer close(released)
	f := serve(t, 0, func(w http.ResponseWriter, req *http.Request) {
		w.(http.Flusher).Flush()
		select {
		case <-released:
		case <-req.Context().Done():
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var body Body
	_, err := f.Fetch(ctx, &body)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0, "99999999999999999999": math.MaxInt32 * time.Second,
		"Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second, "Fri, 02 Jan 2026 03:04:00 GMT": 0,
	} {
		assert.Equal(t, want, retryafter.In(http.Header{"Retry-After": {text}}, now, maxRetryAfter), text)
	}
	f := serve(t, 0, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	var body Body
	_, err := f.Fetch(t.Context(), &body)
	var status *StatusError
	require.ErrorAs(t, err, &status)
	assert.Equal(t, &StatusError{Status: "503 Service Unavailable", Code: 503, RetryAfter: 3 * time.Second}, status)
}
