package prometheuspullexporter

import (
	"context"
	"fmt"
	"html"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/prometheus/client_golang/prometheus/promhttp/zstd" // offers zstd to scrapers
	"github.com/prometheus/common/expfmt"

	"github.com/sluice-metrics/sluice/internal/exposition"
)

// handler routes the page, and on "/" a link to it; GET patterns answer HEAD too and refuse other methods with 405.
func (e *pullExporter) handler() http.Handler {
	mux := http.NewServeMux()
	if e.cfg.MetricsPath == "/" {
		mux.Handle("GET /{$}", e.scrapes())
		return mux
	}
	mux.Handle("GET "+e.cfg.MetricsPath, e.scrapes())
	mux.HandleFunc("GET /{$}", e.index)
	return mux
}

func (e *pullExporter) index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	path := html.EscapeString(e.cfg.MetricsPath)
	_, _ = fmt.Fprintf(w, "<!doctype html><title>Metrics</title><a href=\"%s\">%s</a>\n", path, path)
}

func (e *pullExporter) scrapes() http.Handler {
	page := &recordedHandler{next: e.page, telemetry: e.telemetry}
	if e.cfg.MaxConcurrentScrapes <= 0 {
		return page
	}
	return &limitedHandler{next: page, slots: make(chan struct{}, e.cfg.MaxConcurrentScrapes), telemetry: e.telemetry}
}

// page answers one scrape. The gatherer depends on what the client negotiates, so the handler is made per request.
// It returns the error that kept promhttp from encoding the page, if any.
func (e *pullExporter) page(w http.ResponseWriter, req *http.Request) error {
	var failure encodeError
	gatherer := e.engine.Page(expfmt.NegotiateIncludingOpenMetrics(req.Header), e.hidden(req.Context()))
	promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{
		ErrorLog:                            &failure,
		ErrorHandling:                       promhttp.HTTPErrorOnError,
		EnableOpenMetrics:                   true,
		EnableOpenMetricsTextCreatedSamples: true,
	}).ServeHTTP(w, req)
	return failure.err
}

func (e *pullExporter) hidden(ctx context.Context) func(exposition.Reason, int) {
	return func(reason exposition.Reason, points int) { e.telemetry.refused(ctx, reason, points) }
}
