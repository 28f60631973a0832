package scrape_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	textType     = "text/plain; version=0.0.4; charset=utf-8"
	openType     = "application/openmetrics-text; version=1.0.0; charset=utf-8"
	protobufType = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
	noType       = "none" // no Content-Type at all
)

// page is one answer of a target.
type page struct {
	contentType string
	body        string
	// status is 200 if it is 0.
	status int
	// encoding is claimed; the body is compressed only if zipped.
	encoding string
	zipped   bool
	// cut closes the connection before the end of the body, hang answers nothing before the client gives up.
	cut, hang bool
}

func text(body string) page        { return page{contentType: textType, body: body} }
func openMetrics(body string) page { return page{contentType: openType, body: body} }
func status(code int) page         { return page{contentType: textType, status: code, body: "a 1\n"} }

func texts(bodies ...string) []page {
	pages := make([]page, len(bodies))
	for i, body := range bodies {
		pages[i] = text(body)
	}
	return pages
}

func openPages(bodies ...string) []page {
	pages := texts(bodies...)
	for i := range pages {
		pages[i] = openMetrics(pages[i].body + "# EOF\n")
	}
	return pages
}

// target serves scripts by path. Each scraper, told by its User-Agent, reads them from the start at its own pace, so that
// all see the same sequence; the last page goes on for ever.
type target struct {
	*httptest.Server
	scripts map[string][]page

	mu    sync.Mutex
	reads map[string]int // guarded by mu
}

func serveScripts(t *testing.T, scripts map[string][]page) *target {
	t.Helper()
	s := &target{scripts: scripts, reads: map[string]int{}}
	s.Server = httptest.NewUnstartedServer(s)
	// A client repeats a request that dies on a connection it had used before.
	s.Config.SetKeepAlivesEnabled(false)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *target) address() string { return strings.TrimPrefix(s.URL, "http://") }

func (s *target) next(req *http.Request) page {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := req.URL.RequestURI()
	script := s.scripts[key]
	if len(script) == 0 {
		return status(http.StatusNotFound)
	}
	key += " " + req.UserAgent()
	k := s.reads[key]
	s.reads[key]++
	return script[min(k, len(script)-1)]
}

func (s *target) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	p := s.next(req)
	if p.hang {
		<-req.Context().Done()
		return
	}
	body := p.bytes()
	h := w.Header()
	h["Content-Type"] = nil
	if p.contentType != noType {
		h.Set("Content-Type", p.contentType)
	}
	if p.encoding != "" {
		h.Set("Content-Encoding", p.encoding)
	}
	w.WriteHeader(max(p.status, http.StatusOK))
	if p.cut {
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body) // a scraper that has read enough hangs up
}

func (p page) bytes() []byte {
	if !p.zipped {
		return []byte(p.body)
	}
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, _ = w.Write([]byte(p.body))
	_ = w.Close()
	return buf.Bytes()
}

func TestEachScraperReadsTheScriptFromTheStart(t *testing.T) {
	s := serveScripts(t, map[string][]page{"/metrics": texts("a 1\n", "a 2\n")})
	for _, agent := range []string{"x", "y"} {
		for _, want := range []string{"a 1\n", "a 2\n", "a 2\n"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/metrics", http.NoBody)
			require.NoError(t, err)
			req.Header.Set("User-Agent", agent)
			resp, err := s.Client().Do(req)
			require.NoError(t, err)
			var buf bytes.Buffer
			_, err = buf.ReadFrom(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, want, buf.String())
		}
	}
}
