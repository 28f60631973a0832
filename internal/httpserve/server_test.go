package httpserve

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host records the status that a component reports.
type host struct {
	component.Host
	events chan *componentstatus.Event
}

func newHost() *host {
	return &host{Host: componenttest.NewNopHost(), events: make(chan *componentstatus.Event, 1)}
}

func (h *host) Report(e *componentstatus.Event) { h.events <- e }

func start(t *testing.T, h component.Host, handler http.HandlerFunc) *Server {
	t.Helper()
	cfg := confighttp.NewDefaultServerConfig()
	cfg.NetAddr.Endpoint = "localhost:0"
	cfg.KeepAlivesEnabled = false
	s, err := Start(t.Context(), &cfg, h, componenttest.NewNopTelemetrySettings(), handler)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Shutdown(context.Background())) })
	return s
}

func request(ctx context.Context, s *Server) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr().String(), http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

func TestShutdownWaitsForARunningRequest(t *testing.T) {
	arrived, finish := make(chan struct{}), make(chan struct{})
	s := start(t, newHost(), func(http.ResponseWriter, *http.Request) { close(arrived); <-finish })
	answered := make(chan error, 1)
	go func() { answered <- request(t.Context(), s) }()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(t.Context()) }()
	require.Eventually(t, func() bool { // the listener closes first
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Addr().String())
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, 5*time.Second, time.Millisecond)
	require.Empty(t, stopped, "Shutdown must wait for the running request")
	close(finish)
	require.NoError(t, <-answered)
	require.NoError(t, <-stopped)
}

func TestShutdownCutsOffAtTheDeadline(t *testing.T) {
	arrived := make(chan struct{})
	s := start(t, newHost(), func(_ http.ResponseWriter, r *http.Request) { close(arrived); <-r.Context().Done() })
	answered := make(chan error, 1)
	go func() { answered <- request(t.Context(), s) }()
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, s.Shutdown(ctx))
	require.Error(t, <-answered)
}

func TestNilServerShutsDown(t *testing.T) {
	var s *Server
	require.NoError(t, s.Shutdown(t.Context()))
}

func TestListenerFailureIsReportedAsFatal(t *testing.T) {
	h := newHost()
	s := start(t, h, nil)
	require.NoError(t, s.listener.Close())
	assert.Equal(t, componentstatus.StatusFatalError, (<-h.events).Status())
}
