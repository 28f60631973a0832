package exposition

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An embedder mounts the store as it does any registry.
func TestPromhttpServesTheStore(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, allTypes())
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(s, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	require.Equal(t, http.StatusOK, answer.Code)
	page := parse(t, answer.Body.Bytes(), answer.Header().Get("Content-Type"))
	assert.InDelta(t, 7, page.values[`{__name__="requests_total", `+common+`}`], 0)
	assert.InDelta(t, 6, page.values[`{__name__="latency_seconds_count", `+common+`}`], 0)
}
