package prometheuspullexporter

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// decoders are other implementations than those under test where there is one.
var decoders = map[string]func(io.Reader) (io.Reader, error){
	"":     func(r io.Reader) (io.Reader, error) { return r, nil },
	"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
}

func decode(t *testing.T, rec *httptest.ResponseRecorder) string {
	t.Helper()
	r, err := decoders[rec.Header().Get("Content-Encoding")](rec.Body)
	require.NoError(t, err)
	body, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(body)
}

func TestCodingsRoundTrip(t *testing.T) {
	e := newFixture(t, nil)
	for i := range 2000 {
		require.NoError(t, e.consume(t.Context(), gauge(fmt.Sprintf("metric_%d", i))))
	}
	plain := e.request(t, http.MethodGet, "/metrics").Body.String()
	for _, encoding := range []string{"gzip", "zstd", "gzip"} {
		rec := e.request(t, http.MethodGet, "/metrics", "Accept-Encoding", encoding)
		require.Equal(t, encoding, rec.Header().Get("Content-Encoding"))
		assert.Less(t, rec.Body.Len(), len(plain)/4)
		assert.Equal(t, plain, decode(t, rec))
	}
}

func TestNegotiateCoding(t *testing.T) {
	for header, want := range map[string]string{
		"":                                "",
		"identity":                        "",
		"gzip":                            "gzip",
		"GZIP":                            "gzip",
		"zstd":                            "zstd",
		"zstd, gzip":                      "gzip",
		"gzip, deflate, br, zstd":         "gzip",
		"gzip;q=0.9, zstd":                "zstd",
		"gzip;q=0.5, zstd;q=1.0":          "zstd",
		"zstd; q=0, gzip;q=0.1":           "gzip",
		"gzip;q=0":                        "",
		"gzip;q=0.5":                      "gzip",
		"gzip;q=0.5, identity":            "",
		"gzip;q=0.5, identity;q=0.5":      "gzip",
		"gzip, identity;q=0":              "gzip",
		"*":                               "",
		"br, *;q=0.1":                     "",
		"identity;q=0, *;q=0":             "",
		"gzip;q=high":                     "",
		"gzip;q=2":                        "",
		"gzip;q=NaN":                      "",
		"gzip;level=1":                    "",
		"snappy, gzip ; q=0.8 , ,zstd;q=": "gzip",
	} {
		got := ""
		if c := negotiateCoding(http.Header{"Accept-Encoding": {header}}); c != nil {
			got = c.name
		}
		assert.Equal(t, want, got, "Accept-Encoding: %s", header)
	}
	assert.Equal(t, "gzip", negotiateCoding(http.Header{"Accept-Encoding": {"br", "gzip"}}).name)
}

// failingWriter fails after some bytes.
type failingWriter struct{ left int }

var errFull = errors.New("full")

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestEncodersServeAgainAfterAFailure(t *testing.T) {
	page := make([]byte, 1<<20)
	for i := range page {
		page[i] = byte(i * i >> 8) // badly compressible
	}
	fill := func(w io.Writer) error {
		_, err := w.Write(page)
		return err
	}
	for _, c := range codings {
		require.ErrorIs(t, c.encode(&failingWriter{left: 10}, fill), errFull, c.name)
		require.ErrorIs(t, c.encode(io.Discard, func(io.Writer) error { return errFull }), errFull, c.name)
		rec := httptest.NewRecorder()
		rec.Header().Set("Content-Encoding", c.name)
		require.NoError(t, c.encode(rec, fill))
		assert.Equal(t, string(page), decode(t, rec), c.name)
	}
}
