package prometheuspullexporter

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

var update = flag.Bool("update", false, "write the golden pages instead of comparing with them")

// TestGoldenPages serves testdata/all_types.json, OTLP as JSON, and compares the pages with what was reviewed.
func TestGoldenPages(t *testing.T) {
	e := newFixture(t, nil)
	input, err := os.ReadFile(filepath.Join("testdata", "all_types.json"))
	require.NoError(t, err)
	md, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(input)
	require.NoError(t, err)
	require.Equal(t, 11, md.DataPointCount())
	require.NoError(t, e.consume(t.Context(), md))
	for file, accept := range map[string]string{
		"all_types.txt":             "text/plain;version=0.0.4",
		"all_types.openmetrics.txt": "application/openmetrics-text;version=1.0.0",
	} {
		body := e.request(t, http.MethodGet, "/metrics", "Accept", accept).Body.Bytes()
		golden := filepath.Join("testdata", file)
		if *update {
			require.NoError(t, os.WriteFile(golden, body, 0o600))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(body))
	}
}
