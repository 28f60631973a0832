package prometheusscrapereceiver

import (
	"context"
	"net/http"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/httpserve"
)

// apiServer serves a part of Prometheus' HTTP API.
type apiServer struct {
	receiver *scrapeReceiver
	server   *httpserve.Server
}

// startAPI returns nil if there is to be no server.
func startAPI(
	ctx context.Context, cfg APIServerConfig, host component.Host, set receiver.Settings, r *scrapeReceiver,
) (*apiServer, error) {
	if !cfg.Enabled {
		return nil, nil //nolint:nilnil // none is configured
	}
	a := &apiServer{receiver: r}
	server, err := httpserve.StartLimited(ctx, &cfg.ServerConfig, host, set.TelemetrySettings, a.handler(), cfg.MaxConnections)
	if err != nil {
		return nil, prefixed("api_server::server_config", err)
	}
	a.server = server
	set.Logger.Info("Serving the API of Prometheus", zap.Stringer("address", server.Addr()))
	return a, nil
}

// apiGrace bounds the wait for answers under way, which block for nothing but a slow client: the time of the shutdown is
// for the last batches.
const apiGrace = time.Second

func (a *apiServer) shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, apiGrace)
	defer cancel()
	return a.server.Shutdown(ctx)
}

// handler routes requests. GET patterns answer HEAD too.
func (a *apiServer) handler() http.Handler {
	mux := http.NewServeMux()
	for path, answer := range map[string]func(*http.Request) any{
		"/api/v1/targets":       a.targets,
		"/api/v1/scrape_pools":  a.scrapePools,
		"/api/v1/status/config": a.config,
	} {
		mux.Handle("GET "+path, gzhttp.GzipHandler(answering(answer)))
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.receiver.discovery.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/", notFound)
	return mux
}
