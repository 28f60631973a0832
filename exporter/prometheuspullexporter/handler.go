package prometheuspullexporter

import (
	"fmt"
	"html"
	"maps"
	"net/http"
	"slices"

	"github.com/sluice-metrics/sluice/internal/exposition"
)

// handler routes the pages, and on "/" links to them; GET patterns answer HEAD too and refuse other methods with 405.
func (e *pullExporter) handler() http.Handler {
	mux := http.NewServeMux()
	limit := newLimiter(e.cfg.MaxConcurrentScrapes, e.telemetry)
	for path, selection := range e.pages {
		mux.Handle(pattern(path), limit.wrap(&page{pullExporter: e, selection: selection}))
	}
	if _, taken := e.pages["/"]; !taken {
		mux.HandleFunc(pattern("/"), e.index)
	}
	return mux
}

// pattern keeps "/" from answering for all paths.
func pattern(path string) string {
	if path == "/" {
		path = "/{$}"
	}
	return "GET " + path
}

func (e *pullExporter) index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintln(w, "<!doctype html><title>Metrics</title>")
	for _, path := range slices.Sorted(maps.Keys(e.pages)) {
		path = html.EscapeString(path)
		_, _ = fmt.Fprintf(w, "<p><a href=\"%s\">%s</a>\n", path, path)
	}
}

// pages returns what each path shows at most; nil means everything.
func (c *Config) pages() (map[string]*exposition.Selection, error) {
	pages := map[string]*exposition.Selection{c.MetricsPath: nil}
	for _, p := range c.Pages {
		selection, err := p.selection()
		if err != nil {
			return nil, err
		}
		pages[p.Path] = selection
	}
	return pages, nil
}
