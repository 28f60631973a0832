package inprocess

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is compared for speed must show the same series with the same values, in every format.
func TestPullPagesAreEqual(t *testing.T) {
	for name, s := range map[string]shape{"numbers": numbers, "histograms": histograms, "mixed": mixed} {
		t.Run(name, func(t *testing.T) {
			input := batches(2*pointsPerBatch, s)
			a, b := pullImpls[0].start(t), pullImpls[1].start(t)
			a.add(t, input...)
			b.add(t, input...)
			for _, f := range formats {
				requireSameLines(t, samples(t, newScraper(t, b, f)), samples(t, newScraper(t, a, f)), f.name)
			}
			if s != mixed {
				assert.Len(t, samples(t, newScraper(t, a, text)), seriesOnPage(2*pointsPerBatch, s))
			}
		})
	}
}

// requireSameLines shows the first difference only, for pages are long.
func requireSameLines(t *testing.T, want, got []string, page string) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		require.Equal(t, want[i], got[i], page)
	}
	require.Len(t, got, len(want), page)
}

// samples are the sample lines of a page, sorted. OpenMetrics pages of ours have _created lines as well; contrib has no
// option for them.
func samples(t *testing.T, s *scraper) []string {
	t.Helper()
	page := bytes.Clone(s.scrape(t))
	switch s.format.name {
	case protobuf.name:
		page = protobufAsText(t, page)
	case textGzip.name:
		r, err := gzip.NewReader(bytes.NewReader(page))
		require.NoError(t, err)
		page, err = io.ReadAll(r)
		require.NoError(t, err)
	}
	var out []string
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "#") && !strings.Contains(line, "_created{") {
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}

func protobufAsText(t *testing.T, page []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	decoder := expfmt.NewDecoder(bytes.NewReader(page), expfmt.NewFormat(expfmt.TypeProtoDelim))
	encoder := expfmt.NewEncoder(&out, expfmt.NewFormat(expfmt.TypeTextPlain))
	for {
		mf := &dto.MetricFamily{}
		err := decoder.Decode(mf)
		if errors.Is(err, io.EOF) {
			return out.Bytes()
		}
		require.NoError(t, err)
		require.NoError(t, encoder.Encode(mf))
	}
}
