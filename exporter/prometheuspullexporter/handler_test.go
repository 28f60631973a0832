package prometheuspullexporter

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter/internal/metadatatest"
)

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	http.DefaultClient.CloseIdleConnections()
	return string(body)
}

// request runs one request through the handler; headers are key, value, key, value.
func (f *fixture) request(t *testing.T, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	f.handler().ServeHTTP(rec, req)
	return rec
}

func TestRoutes(t *testing.T) {
	e := newFixture(t, nil)
	for _, c := range []struct {
		method, target string
		status         int
	}{
		{http.MethodGet, "/metrics", http.StatusOK},
		{http.MethodHead, "/metrics", http.StatusOK},
		{http.MethodPost, "/metrics", http.StatusMethodNotAllowed},
		{http.MethodDelete, "/", http.StatusMethodNotAllowed},
		{http.MethodGet, "/", http.StatusOK},
		{http.MethodGet, "/metrics/", http.StatusNotFound},
		{http.MethodGet, "/other", http.StatusNotFound},
	} {
		assert.Equal(t, c.status, e.request(t, c.method, c.target).Code, "%s %s", c.method, c.target)
	}
	assert.Contains(t, e.request(t, http.MethodGet, "/").Body.String(), `href="/metrics"`)
}

func TestMetricsOnRoot(t *testing.T) {
	e := newFixture(t, func(cfg *Config) { cfg.MetricsPath = "/" })
	require.NoError(t, e.consume(t.Context(), gauge("up")))
	assert.Contains(t, e.request(t, http.MethodGet, "/").Body.String(), "up 1\n")
	assert.Equal(t, http.StatusNotFound, e.request(t, http.MethodGet, "/x").Code)
}

func TestPagesShowTheirPart(t *testing.T) {
	e := newFixture(t, func(cfg *Config) {
		cfg.Pages = []PageConfig{{Path: "/slo", Match: []string{"up", `{__name__=~"a.*"}`}}, {Path: "/no<b>", Match: []string{"none"}}}
	})
	for _, name := range []string{"up", "a", "b"} {
		require.NoError(t, e.consume(t.Context(), gauge(name)))
	}
	shown := func(target string) (names []string) {
		for line := range strings.Lines(e.request(t, http.MethodGet, target).Body.String()) {
			if name, found := strings.CutSuffix(line, " 1\n"); found {
				names = append(names, name)
			}
		}
		return names
	}
	assert.Equal(t, []string{"a", "b", "up"}, shown("/metrics"))
	assert.Equal(t, []string{"a", "up"}, shown("/slo"))
	assert.Empty(t, shown("/no<b>"))
	assert.Equal(t, []string{"a"}, shown("/slo?name[]=a&name[]=b"), "a URL cannot widen a page")
	index := e.request(t, http.MethodGet, "/").Body.String()
	assert.Equal(t, 3, strings.Count(index, "<a href="))
	assert.Contains(t, index, `<a href="/no&lt;b&gt;">`)
}

func TestPageInPlaceOfTheIndex(t *testing.T) {
	e := newFixture(t, func(cfg *Config) { cfg.Pages = []PageConfig{{Path: "/", Match: []string{"up"}}} })
	require.NoError(t, e.consume(t.Context(), gauge("up")))
	assert.Contains(t, e.request(t, http.MethodGet, "/").Body.String(), "up 1\n")
	assert.Equal(t, http.StatusNotFound, e.request(t, http.MethodGet, "/x").Code)
}

func TestHeadOverTheWireHasNoBody(t *testing.T) {
	e := newFixture(t, nil)
	require.NoError(t, e.consume(t.Context(), gauge("up")))
	server := httptest.NewServer(e.handler())
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, server.URL+"/metrics", http.NoBody)
	require.NoError(t, err)
	resp, err := server.Client().Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Empty(t, body)
	assert.Contains(t, resp.Header.Get("Content-Type"), "version=0.0.4")
	assert.Equal(t, "Accept, Accept-Encoding", resp.Header.Get("Vary"))
	_, err = e.tel.GetMetric("otelcol_prometheus_pull_scrapes")
	require.Error(t, err, "nobody got a page")
}

func TestSelectionByURL(t *testing.T) {
	e := newFixture(t, nil)
	for _, name := range []string{"up", "down", "left"} {
		require.NoError(t, e.consume(t.Context(), gauge(name)))
	}
	query := url.Values{"name[]": {"up"}, "match[]": {`{__name__=~"d.+"}`}, "collect[]": {"cpu"}}
	body := e.request(t, http.MethodGet, "/metrics?"+query.Encode()).Body.String()
	assert.Contains(t, body, "up 1\n")
	assert.Contains(t, body, "down 1\n")
	assert.NotContains(t, body, "left")
}

func TestBadSelectionIsTold(t *testing.T) {
	e := newFixture(t, nil)
	for query, says := range map[string]string{
		"match[]=up{":                      "`match[]` \"up{\": ",
		"match[]=up&match[]=h{le=%221%22}": "`le` cannot be matched",
		"match[]=%zz":                      "invalid URL escape",
	} {
		rec := e.request(t, http.MethodGet, "/metrics?"+query)
		assert.Equal(t, http.StatusBadRequest, rec.Code)
		assert.Contains(t, rec.Body.String(), says)
	}
	metadatatest.AssertEqualPrometheusPullScrapes(t, e.tel, []metricdata.DataPoint[int64]{
		{Value: 3, Attributes: attribute.NewSet(exporterID, attribute.String("outcome", "rejected"))},
	}, metricdatatest.IgnoreTimestamp())
}

func TestNegotiation(t *testing.T) {
	e := newFixture(t, nil)
	require.NoError(t, e.consume(t.Context(), gauge("up")))
	for accept, want := range map[string]string{
		"": "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
		"text/plain;version=1.0.0;escaping=allow-utf-8":                                                                             "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
		"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3":                      "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,text/plain;version=0.0.4;q=0.3": "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores",
	} {
		rec := e.request(t, http.MethodGet, "/metrics", "Accept", accept)
		assert.Equal(t, want, rec.Header().Get("Content-Type"))
		parser, err := textparse.New(rec.Body.Bytes(), want, labels.NewSymbolTable(), textparse.ParserOptions{})
		require.NoError(t, err)
		series := 0
		for {
			entry, err := parser.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			if entry == textparse.EntrySeries {
				series++
			}
		}
		assert.Equal(t, 1, series, want)
	}
}

// brokenWriter is a client that went away.
type brokenWriter struct{ *httptest.ResponseRecorder }

func (brokenWriter) Write([]byte) (int, error)       { return 0, io.ErrClosedPipe }
func (brokenWriter) WriteString(string) (int, error) { return 0, io.ErrClosedPipe }

func TestPageThatCannotBeWrittenAbortsTheConnection(t *testing.T) {
	e := newFixture(t, nil)
	require.NoError(t, e.consume(t.Context(), gauge("up")))
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() {
		e.handler().ServeHTTP(brokenWriter{httptest.NewRecorder()}, req)
	})
	metadatatest.AssertEqualPrometheusPullScrapes(t, e.tel, []metricdata.DataPoint[int64]{
		{Value: 1, Attributes: attribute.NewSet(exporterID, attribute.String("outcome", "error"))},
	}, metricdatatest.IgnoreTimestamp())
}

func TestOpenMetricsCanBeSwitchedOff(t *testing.T) {
	e := newFixture(t, func(cfg *Config) { cfg.EnableOpenMetrics = false })
	rec := e.request(t, http.MethodGet, "/metrics", "Accept", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.3")
	assert.Contains(t, rec.Header().Get("Content-Type"), "text/plain; version=0.0.4")
	assert.NotContains(t, rec.Body.String(), "# EOF")
}

func TestSeriesHiddenByEscapingAreCounted(t *testing.T) {
	e := newFixture(t, func(cfg *Config) { cfg.TranslationStrategy = otlptranslator.NoTranslation })
	require.NoError(t, e.consume(t.Context(), gauge("a.b")))
	require.NoError(t, e.consume(t.Context(), gauge("a_b")))
	assert.Contains(t, e.request(t, http.MethodGet, "/metrics").Body.String(), "a_b 1\n")
	metadatatest.AssertEqualPrometheusPullRefusedDatapoints(t, e.tel, []metricdata.DataPoint[int64]{
		{Value: 1, Attributes: attribute.NewSet(exporterID, attribute.String("reason", "escaping_conflict"))},
	}, metricdatatest.IgnoreTimestamp())
}
