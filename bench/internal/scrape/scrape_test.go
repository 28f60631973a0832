package scrape

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sluice-metrics/sluice/bench/internal/target"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(url string, gzip bool) Options {
	return Options{URL: url, Gzip: gzip, Least: 2, Most: 5, Span: time.Minute, Timeout: 10 * time.Second}
}

func TestRun_ReadsWholePages(t *testing.T) {
	s, err := target.Serve(target.New(target.Options{Series: 700}))
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	url := "http://" + s.Addresses()[0]
	var bytes [2]int64
	for i, gzip := range []bool{false, true} {
		n, err := Series(t.Context(), options(url, gzip))
		require.NoError(t, err)
		assert.EqualValues(t, 700, n)
		r, err := Run(t.Context(), options(url, gzip))
		require.NoError(t, err)
		assert.Len(t, r.Times, 5)
		bytes[i] = r.Bytes
	}
	assert.Greater(t, bytes[0], 2*bytes[1])
}

func TestRun_EndsWithTheSpan(t *testing.T) {
	s, err := target.Serve(target.New(target.Options{Series: 10}))
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	o := options("http://"+s.Addresses()[0], false)
	o.Span = 0
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	assert.Len(t, r.Times, o.Least)
}

func TestRun_Fails(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	_, err := Run(t.Context(), options(s.URL, false))
	require.ErrorContains(t, err, "404")

	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer plain.Close()
	_, err = Run(t.Context(), options(plain.URL, true))
	assert.ErrorContains(t, err, "asked for gzip")
}
