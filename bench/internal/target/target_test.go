package target

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse reads a page as Prometheus does and returns its series.
func parse(t *testing.T, page []byte) map[string]float64 {
	t.Helper()
	p := textparse.NewPromParser(page, labels.NewSymbolTable(), false)
	out := map[string]float64{}
	for {
		e, err := p.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		if e != textparse.EntrySeries {
			continue
		}
		var l labels.Labels
		p.Labels(&l)
		_, _, v := p.Series()
		key := l.String()
		if _, ok := out[key]; ok {
			t.Fatal("a series comes twice: ", key)
		}
		out[key] = v
	}
}

func TestPage_IsWhatPrometheusReads(t *testing.T) {
	for _, n := range []int{10, 1000, 10_000} {
		target := New(Options{Number: 3, Series: n})
		require.Equal(t, n, target.Series())
		first := parse(t, target.AppendPage(nil))
		second := parse(t, target.AppendPage(nil))
		assert.Len(t, first, n)
		changed := 0
		for k, v := range second {
			before, ok := first[k]
			if !ok {
				t.Fatal("a series is new without churn: ", k)
			}
			if before != v {
				changed++
			}
		}
		assert.Greater(t, changed, n*9/10)
	}
}

func TestPage_Churns(t *testing.T) {
	target := New(Options{Series: 1000, ChurnPercent: 10})
	first := parse(t, target.AppendPage(nil))
	second := parse(t, target.AppendPage(nil))
	fresh := 0
	for k := range second {
		if _, ok := first[k]; !ok {
			fresh++
		}
	}
	assert.InDelta(t, 100, fresh, 25, "a tenth, but for the histograms")
}

func TestLabelCount_HasTheMeanOfRealPages(t *testing.T) {
	b := pageBuilder{}
	sum := 0
	for i := range 10_000 {
		n := labelCount(b.noise(i) >> 32)
		require.GreaterOrEqual(t, n, 3)
		require.LessOrEqual(t, n, 12)
		sum += n
	}
	assert.InDelta(t, 5.6, float64(sum)/10_000, 0.3)
}

func TestServer(t *testing.T) {
	s, err := Serve(New(Options{Number: 1, Series: 200}), New(Options{Number: 2, Series: 300}))
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()

	assert.Len(t, parse(t, get(t, client, s.Addresses()[0], "")), 200)
	assert.Len(t, parse(t, get(t, client, s.Addresses()[1], "gzip")), 300)
	assert.EqualValues(t, 500, s.Samples())
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
}

func get(t *testing.T, client *http.Client, address, encoding string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", nil)
	require.NoError(t, err)
	req.Header.Set("Accept-Encoding", encoding)
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer func() { assert.NoError(t, resp.Body.Close()) }()
	require.Equal(t, encoding, resp.Header.Get("Content-Encoding"))
	body := io.Reader(resp.Body)
	if encoding == "gzip" {
		body, err = gzip.NewReader(body)
		require.NoError(t, err)
	}
	page, err := io.ReadAll(body)
	require.NoError(t, err)
	return page
}
