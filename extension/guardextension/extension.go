package guardextension

import (
	"context"
	"net/http"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"google.golang.org/grpc"

	"github.com/sluice-metrics/sluice/extension/guardextension/internal/metadata"
	"github.com/sluice-metrics/sluice/internal/memgate"
)

// guard is one set of limits, shared by all servers, and what watches the backends of all clients that it is a middleware of.
type guard struct {
	cfg       *Config
	server    *server
	backends  *backends
	telemetry *metadata.TelemetryBuilder
	host      atomic.Pointer[component.Host]
}

var (
	_ extension.Extension                         = (*guard)(nil)
	_ extensionmiddleware.HTTPServer              = (*guard)(nil)
	_ extensionmiddleware.GRPCServer              = (*guard)(nil)
	_ extensionmiddleware.HTTPClient              = (*guard)(nil)
	_ extensionmiddleware.GRPCClient              = (*guard)(nil)
	_ extensioncapabilities.ConfigSnapshotWatcher = (*guard)(nil)
)

func newGuard(set *extension.Settings, cfg *Config) (*guard, error) {
	g := &guard{cfg: cfg}
	var memory *memgate.Gate
	if m := cfg.Memory.Get(); m != nil {
		var err error
		if memory, err = newGate(m, set.Logger); err != nil {
			return nil, err
		}
	}
	g.server = newServer(cfg, memory, newDecisions(classNames(&cfg.Rate)))
	g.backends = newBackends(&cfg.Client, newDecisions([]string{"none"}), set.Logger, g.report)
	var err error
	g.telemetry, err = g.observe(set)
	return g, err
}

func (g *guard) Start(_ context.Context, host component.Host) error {
	g.host.Store(&host)
	return nil
}

func (g *guard) report(event *componentstatus.Event) {
	if host := g.host.Load(); host != nil {
		componentstatus.ReportStatus(*host, event)
	}
}

// Shutdown may be called again. What it limits keeps its limits: servers outlive extensions.
func (g *guard) Shutdown(context.Context) error {
	g.backends.close()
	g.telemetry.Shutdown()
	if g.server.memory != nil {
		g.server.memory.Stop()
	}
	return nil
}

func (g *guard) GetHTTPHandler(context.Context) (extensionmiddleware.WrapHTTPHandlerFunc, error) {
	return func(_ context.Context, next http.Handler) (http.Handler, error) {
		return &httpHandler{server: g.server, next: next}, nil
	}, nil
}

func (g *guard) GetGRPCServerOptions(context.Context) ([]grpc.ServerOption, error) {
	return g.server.grpcOptions(), nil
}

func (g *guard) GetHTTPRoundTripper(context.Context) (extensionmiddleware.WrapHTTPRoundTripperFunc, error) {
	return func(_ context.Context, next http.RoundTripper) (http.RoundTripper, error) {
		return &roundTripper{next: next, backends: g.backends, own: map[string]*backend{}}, nil
	}, nil
}

func (g *guard) GetGRPCClientOptions(context.Context) ([]grpc.DialOption, error) {
	return (&grpcClient{backends: g.backends}).options(), nil
}
