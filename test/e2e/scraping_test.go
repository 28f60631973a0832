package e2e

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pulling is config with more keys of the pull exporter.
func (p ports) pulling(keys string) string {
	endpoint := `prometheus_pull: {endpoint: "127.0.0.1:` + p.pull + `"`
	return strings.Replace(p.config("", "", ""), endpoint, endpoint+", "+keys, 1)
}

// answer is what a server answered.
type answer struct {
	status int
	header http.Header
	body   string
}

// request asks as curl does: for one thing, with the headers given as name, value, name, value.
func request(t *testing.T, method, url string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return answer{res.StatusCode, res.Header, string(body)}
}

func TestPagesAnswerWhatIsAsked(t *testing.T) {
	p := newPorts(t)
	s, _ := launchConfig(t, p.pulling(`pages: [{path: /slo, match: ['{__name__=~"http_.+"}']}]`))
	p.ready(t)
	app := newApplication(t, "1", grpcExporter(t, "127.0.0.1:"+p.grpc))
	defer app.shutdown()
	app.work()
	app.flush()

	t.Run("selection", func(t *testing.T) { p.selections(t) })
	t.Run("coding", func(t *testing.T) { p.codings(t) })
	t.Run("format", func(t *testing.T) { p.formats(t) })
	t.Run("HEAD", func(t *testing.T) {
		res := request(t, http.MethodHead, p.page())
		assert.Equal(t, http.StatusOK, res.status)
		assert.Contains(t, res.header.Get("Content-Type"), "text/plain; version=0.0.4")
		assert.Empty(t, res.body)
	})
	t.Run("other methods and paths", func(t *testing.T) {
		res := request(t, http.MethodPost, p.page())
		assert.Equal(t, http.StatusMethodNotAllowed, res.status)
		res = request(t, http.MethodGet, p.page()+"/more")
		assert.Equal(t, http.StatusNotFound, res.status)
	})
	t.Run("timeout", func(t *testing.T) {
		res := request(t, http.MethodGet, p.page(), "X-Prometheus-Scrape-Timeout-Seconds", "5")
		assert.Equal(t, http.StatusOK, res.status)
		assert.Contains(t, res.body, "http_requests_total{")
	})
	s.stop()
}

func (p ports) selections(t *testing.T) {
	t.Helper()
	for query, want := range map[string][]string{
		"/metrics": {"http_requests_total", "queue_size_bytes", "http_duration_seconds", "target_info"},
		"/slo":     {"http_requests_total", "http_duration_seconds"},
		"/metrics?" + url.Values{"name[]": {"queue_size_bytes", "target_info"}}.Encode():                  {"queue_size_bytes", "target_info"},
		"/metrics?" + url.Values{"match[]": {`{http_route="/pay",__name__!~"http_.*"}`}}.Encode():         {"queue_size_bytes"},
		"/metrics?" + url.Values{"match[]": {"http_duration_seconds_bucket"}}.Encode():                    {"http_duration_seconds"},
		"/slo?" + url.Values{"match[]": {"queue_size_bytes"}}.Encode():                                    {},
		"/slo?" + url.Values{"match[]": {"queue_size_bytes"}, "name[]": {"http_requests_total"}}.Encode(): {"http_requests_total"},
	} {
		page := answered(t, "http://127.0.0.1:"+p.pull+query, http.StatusOK)
		assert.ElementsMatch(t, want, families(page), query)
	}
	res := request(t, http.MethodGet, p.page()+"?match[]=%7Bnot")
	assert.Equal(t, http.StatusBadRequest, res.status)
	assert.Contains(t, res.body, "{not")
}

// families are those that a text page has a type of.
func families(page string) []string {
	out := []string{}
	for line := range strings.Lines(page) {
		if words := strings.Fields(line); len(words) > 2 && words[1] == "TYPE" {
			out = append(out, words[2])
		}
	}
	return out
}

func (p ports) codings(t *testing.T) {
	t.Helper()
	plain := answered(t, p.page(), http.StatusOK)
	for accept, open := range map[string]func(io.Reader) (io.Reader, error){
		"gzip":            func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"gzip;q=0.5,zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
		"identity":        func(r io.Reader) (io.Reader, error) { return r, nil },
	} {
		res := request(t, http.MethodGet, p.page(), "Accept-Encoding", accept)
		coding := res.header.Get("Content-Encoding")
		assert.True(t, strings.HasSuffix(accept, coding) || coding == "" && accept == "identity", "%s gets %q", accept, coding)
		r, err := open(strings.NewReader(res.body))
		require.NoError(t, err)
		page, err := io.ReadAll(r)
		require.NoError(t, err)
		assert.Equal(t, plain, string(page), accept)
	}
}

func (p ports) formats(t *testing.T) {
	t.Helper()
	for accept, want := range map[string]string{
		"": "text/plain; version=0.0.4",
		"application/openmetrics-text;version=1.0.0,text/plain;q=0.5":                                          "application/openmetrics-text; version=1.0.0",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,*/*": "text/plain; version=0.0.4",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited":           "application/vnd.google.protobuf",
	} {
		res := request(t, http.MethodGet, p.page(), "Accept", accept)
		assert.Contains(t, res.header.Get("Content-Type"), want, accept)
	}
}
