package inprocess

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// format is what a scraper asks for and what kind of page that must get it.
type format struct {
	name        string
	accept      string
	encoding    string
	contentType string
}

var (
	text        = format{"text", "text/plain;version=0.0.4", "identity", "text/plain; version=0.0.4"}
	textGzip    = format{"text+gzip", "text/plain;version=0.0.4", "gzip", "text/plain; version=0.0.4"}
	openMetrics = format{"openmetrics", "application/openmetrics-text;version=1.0.0", "identity", "application/openmetrics-text; version=1.0.0"}
	protobuf    = format{
		"protobuf", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", "identity",
		"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
	}
)

// The same with names in UTF-8, for which contrib answers in text 0.0.4 too.
var (
	textUTF8        = text.escaped("allow-utf-8")
	openMetricsUTF8 = openMetrics.escaped("allow-utf-8")
	protobufUTF8    = protobuf.escaped("allow-utf-8")
)

func (f format) escaped(how string) format {
	f.name += "+" + how
	f.accept += ";escaping=" + how
	return f
}

// kind is the name of the format whatever its encoding and escaping.
func (f format) kind() string {
	kind, _, _ := strings.Cut(f.name, "+")
	return kind
}

var formats = []format{text, textGzip, openMetrics, protobuf}

// scraper asks one exporter for one format over one connection. It reads pages into one buffer and does not decompress
// them, so that it adds little to what is measured, and the same to both sides.
type scraper struct {
	url    string
	format format
	client *http.Client
	page   bytes.Buffer
	// contentType is that of the last page.
	contentType string
}

func newScraper(tb testing.TB, p *pull, f format) *scraper {
	tb.Helper()
	transport := &http.Transport{DisableCompression: true}
	tb.Cleanup(transport.CloseIdleConnections)
	return &scraper{url: p.url, format: f, client: &http.Client{Transport: transport}}
}

// scrape returns the page, valid until the next scrape.
func (s *scraper) scrape(tb testing.TB) []byte {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, s.url, http.NoBody)
	require.NoError(tb, err)
	req.Header.Set("Accept", s.format.accept)
	req.Header.Set("Accept-Encoding", s.format.encoding)
	resp, err := s.client.Do(req)
	require.NoError(tb, err)
	defer func() { _ = resp.Body.Close() }()
	s.page.Reset()
	_, err = s.page.ReadFrom(resp.Body)
	require.NoError(tb, err)
	require.Equal(tb, http.StatusOK, resp.StatusCode)
	s.contentType = resp.Header.Get("Content-Type")
	require.Truef(tb, strings.HasPrefix(s.contentType, s.format.contentType), "content type %q", s.contentType)
	require.Equal(tb, s.format.encoding == "gzip", resp.Header.Get("Content-Encoding") == "gzip")
	return s.page.Bytes()
}
