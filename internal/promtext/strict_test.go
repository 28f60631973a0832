package promtext

import (
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readStrictly returns what is wrong with a page.
func readStrictly(page []byte) error {
	var p Parser
	p.ResetStrict(page)
	for {
		if _, err := p.Next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// The vectors of the OpenMetrics project say of each page whether a parser is to accept it.
func TestStrictAgreesWithTheVectors(t *testing.T) {
	root := os.Getenv("SLUICE_TESTDATA")
	if root == "" {
		t.Skip("no SLUICE_TESTDATA")
	}
	dir := filepath.Join(root, "openmetrics")
	manifest, err := os.Open(filepath.Join(dir, "MANIFEST.tsv"))
	require.NoError(t, err)
	defer manifest.Close() //nolint:errcheck // only read
	rows := csv.NewReader(manifest)
	rows.Comma, rows.LazyQuotes = '\t', true
	all, err := rows.ReadAll()
	require.NoError(t, err)
	require.Len(t, all, 212)
	for _, row := range all[1:] {
		page, err := os.ReadFile(filepath.Join(dir, row[0]))
		require.NoError(t, err)
		err = readStrictly(page)
		assert.Equalf(t, row[2] == "true", err == nil, "%s: %v\n%s", row[0], err, page)
	}
}

func TestStrictReasons(t *testing.T) {
	for page, reason := range map[string]string{
		"# TYPE a counter\na_total NaN\n# EOF\n":                   "line 2: what counts must not be NaN",
		"# TYPE a histogram\na_sum 1\na_count 1\n# EOF\n":          `a histogram needs a bucket with le="+Inf"`,
		"a{a=\"1\",a=\"2\"} 1\n# EOF\n":                            "a label is there twice",
		"# TYPE a counter\n# TYPE a_total gauge\n# EOF\n":          "the name clashes",
		"# TYPE a gauge\na{b=\"1\"} 1\na 1\na{b=\"1\"} 1\n# EOF\n": "must stand together",
	} {
		require.ErrorContains(t, readStrictly([]byte(page)), reason)
	}
	require.NoError(t, readStrictly([]byte("# TYPE a counter\n# UNIT a \na_total 1 # {x=\"y\"} 1 2\na_created 1\n# EOF\n")))
}
