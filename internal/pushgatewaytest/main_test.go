package pushgatewaytest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTakesWhatIsPushed(t *testing.T) {
	g := New(Options{Prefix: "/pg"})
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/pg/metrics/job/j/a@base64/Yi9j", strings.NewReader("# HELP x help\n# TYPE x counter\nx 1\n"))
	resp, err := g.RoundTrip(req)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, resp.Body.Close())
	assert.Len(t, g.Groups(), 1)
	require.NoError(t, g.Close())
}
