package exposition

import (
	"io"
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
	server := httptest.NewServer(promhttp.HandlerFor(s, promhttp.HandlerOpts{}))
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(t, 200, resp.StatusCode)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	page := parse(t, body, resp.Header.Get("Content-Type"))
	assert.InDelta(t, 7, page.values[`{__name__="requests_total", `+common+`}`], 0)
	assert.InDelta(t, 6, page.values[`{__name__="latency_seconds_count", `+common+`}`], 0)
}
