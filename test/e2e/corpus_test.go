package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden pages of testdata/pages anew")

// TestCorpusPages posts each input of the corpus over OTLP/HTTP JSON and compares the page with the golden one.
func TestCorpusPages(t *testing.T) {
	inputs, err := filepath.Glob("../../testdata/otlp/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, inputs)
	if !*update {
		pages, err := filepath.Glob("../../testdata/pages/*.txt")
		require.NoError(t, err)
		require.Len(t, pages, len(inputs), "each page belongs to an input")
	}
	for _, input := range inputs {
		t.Run(filepath.Base(input), func(t *testing.T) {
			p, otlp := newPorts(t), freePort(t)
			s, _ := launchConfig(t, strings.Replace(p.config("", "", ""), "protocols: {", fmt.Sprintf("protocols: {http: {endpoint: \"127.0.0.1:%s\"}, ", otlp), 1))
			p.ready(t)
			post(t, "http://127.0.0.1:"+otlp+"/v1/metrics", input)
			page := answered(t, p.page(), http.StatusOK)
			s.stop()

			golden := filepath.Join("../../testdata/pages", strings.TrimSuffix(filepath.Base(input), ".json")+".txt")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(page), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), page)
		})
	}
}

func post(t *testing.T, url, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(text))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
}
