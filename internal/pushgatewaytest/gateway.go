// Package pushgatewaytest runs the real Pushgateway inside a test: its handlers and its storage, routed as its own main
// does.
package pushgatewaytest

import (
	"compress/gzip"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/route"
	"github.com/prometheus/pushgateway/handler"
	"github.com/prometheus/pushgateway/storage"
)

// Options are the gateway's flags.
type Options struct {
	// Unchecked is --push.disable-consistency-check, UTF8 --push.enable-utf8-names, Prefix --web.route-prefix, File
	// --persistence.file.
	Unchecked, UTF8 bool
	Prefix, File    string
}

// Gateway is a running Pushgateway. It is its own http.Handler, and as an http.RoundTripper it answers without a network.
// Those with UTF8 and those without must not run at once: the real one keeps that in variables.
type Gateway struct {
	store   *storage.DiskMetricStore
	handler http.Handler
}

// New starts a gateway. It is to be closed.
func New(o Options) *Gateway {
	handler.EscapingScheme, handler.ValidationScheme = model.NoEscaping, model.LegacyValidation
	if o.UTF8 {
		handler.EscapingScheme, handler.ValidationScheme = model.ValueEncodingEscaping, model.UTF8Validation
	}
	logger := slog.New(slog.DiscardHandler)
	g := &Gateway{store: storage.NewDiskMetricStore(o.File, time.Hour, prometheus.DefaultGatherer, logger)}
	g.handler = decoded(g.routes(o, logger))
	return g
}

func (g *Gateway) routes(o Options, logger *slog.Logger) http.Handler {
	all := prometheus.Gatherers{
		prometheus.DefaultGatherer,
		prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return g.store.GetMetricFamilies(), nil }),
	}
	r := route.New()
	r.Get(o.Prefix+"/-/healthy", handler.Healthy(g.store).ServeHTTP)
	r.Get(o.Prefix+"/-/ready", handler.Ready(g.store).ServeHTTP)
	r.Get(o.Prefix+"/metrics", promhttp.HandlerFor(all, promhttp.HandlerOpts{}).ServeHTTP)
	for _, suffix := range []string{"", handler.Base64Suffix} {
		encoded := suffix == handler.Base64Suffix
		for _, labels := range []string{"/*labels", ""} {
			path := o.Prefix + "/metrics/job" + suffix + "/:job" + labels
			r.Put(path, handler.Push(g.store, true, !o.Unchecked, encoded, logger))
			r.Post(path, handler.Push(g.store, false, !o.Unchecked, encoded, logger))
			r.Del(path, handler.Delete(g.store, encoded, logger))
		}
	}
	return r
}

// decoded is what the real main puts around its routes, without snappy.
func decoded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { _ = r.Body.Close() }()
		if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
			unzip, err := gzip.NewReader(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			r.Body = unzip
		}
		h.ServeHTTP(w, r)
	})
}

// Close stops the gateway; it writes its file if it has one.
func (g *Gateway) Close() error { return g.store.Shutdown() }

// Groups is what the gateway holds.
func (g *Gateway) Groups() storage.GroupingKeyToMetricGroup { return g.store.GetMetricFamiliesMap() }

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.handler.ServeHTTP(w, r) }

// RoundTrip answers a request at once.
func (g *Gateway) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	served := req.Clone(req.Context())
	if served.Body == nil {
		served.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	g.handler.ServeHTTP(answer, served)
	return answer.Result(), nil
}

var errScrape = errors.New("scrape failed")

// Scrape asks for the page in a format.
func (g *Gateway) Scrape(accept string) (body []byte, contentType string, err error) {
	req := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/metrics", http.NoBody)
	req.Header.Set("Accept", accept)
	answer := httptest.NewRecorder()
	g.handler.ServeHTTP(answer, req)
	if answer.Code != http.StatusOK {
		return nil, "", errors.Join(errScrape, errors.New(answer.Body.String()))
	}
	return answer.Body.Bytes(), answer.Header().Get("Content-Type"), nil
}
