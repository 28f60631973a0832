// Package httpserve runs one HTTP server for a component: it listens, serves in the background and stops
// within a deadline, so that each component with a page has the same life cycle and the same errors.
package httpserve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/config/confighttp"
)

// grace bounds the wait for requests under way: the collector's own context has no deadline.
const grace = 5 * time.Second

// Server is a running HTTP server. A nil Server is one that was never started: Shutdown does nothing.
type Server struct {
	http     *http.Server
	listener net.Listener
	serving  sync.WaitGroup

	// Shutdown works once; later calls return what the first one did.
	stop    sync.Once
	stopErr error
}

// Start listens on cfg's endpoint and serves handler until Shutdown. TLS, authentication, CORS and middlewares
// are cfg's; extensions are looked up on host. An address that cannot be had is an error naming it. A server that
// dies later reports a fatal status on host.
func Start(ctx context.Context, cfg *confighttp.ServerConfig, host component.Host, tel component.TelemetrySettings, handler http.Handler) (*Server, error) {
	return StartLimited(ctx, cfg, host, tel, handler, 0)
}

// StartLimited is Start with a bound on the connections open at one time; 0 means none. Further ones wait.
func StartLimited(
	ctx context.Context, cfg *confighttp.ServerConfig, host component.Host, tel component.TelemetrySettings,
	handler http.Handler, connections int,
) (*Server, error) {
	srv, err := cfg.ToServer(ctx, host.GetExtensions(), tel, handler)
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: %w", cfg.NetAddr.Endpoint, err)
	}
	listener, err := cfg.ToListener(ctx)
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: %w", cfg.NetAddr.Endpoint, err)
	}
	s := &Server{http: srv, listener: limit(listener, srv, connections)}
	s.serving.Go(func() {
		if err := srv.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(err))
		}
	})
	return s, nil
}

// Addr is the address listened on, with the port the system chose where the configuration said 0.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Shutdown lets requests under way finish for as long as ctx and 5 s allow, then cuts them off. That is no error: the
// component was asked to stop, and it has.
func (s *Server) Shutdown(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.stop.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, grace)
		defer cancel()
		if err := s.http.Shutdown(ctx); err != nil {
			s.stopErr = s.http.Close()
		}
		s.serving.Wait()
	})
	return s.stopErr
}
