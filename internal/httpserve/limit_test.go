package httpserve

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/confighttp"
)

func startLimited(t *testing.T, connections int) *Server {
	t.Helper()
	cfg := confighttp.NewDefaultServerConfig()
	cfg.NetAddr.Endpoint = "localhost:0"
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	s, err := StartLimited(t.Context(), &cfg, newHost(), componenttest.NewNopTelemetrySettings(), handler, connections)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Shutdown(context.Background())) })
	return s
}

// ask sends a request on a connection of its own, and tells whether there is an answer.
func ask(t *testing.T, s *Server) (conn net.Conn, answered func(within time.Duration) bool) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	require.NoError(t, err)
	return conn, func(within time.Duration) bool {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(within)))
		_, err := conn.Read(make([]byte, 1))
		return err == nil
	}
}

func TestConnectionsBeyondTheLimitWait(t *testing.T) {
	s := startLimited(t, 2)
	first, answered := ask(t, s)
	require.True(t, answered(5*time.Second))
	_, answered = ask(t, s)
	require.True(t, answered(5*time.Second))
	_, answered = ask(t, s)
	require.False(t, answered(100*time.Millisecond))
	require.NoError(t, first.Close())
	require.True(t, answered(5*time.Second))
}

func TestSlotsAreFreedAgainAndAgain(t *testing.T) {
	s := startLimited(t, 1)
	for range 20 {
		conn, answered := ask(t, s)
		require.True(t, answered(5*time.Second))
		require.NoError(t, conn.Close())
	}
}

func TestShutdownWhileConnectionsWait(t *testing.T) {
	s := startLimited(t, 1)
	_, answered := ask(t, s)
	require.True(t, answered(5*time.Second))
	_, _ = ask(t, s)
	require.NoError(t, s.Shutdown(t.Context()))
}

func TestNoLimit(t *testing.T) {
	s := startLimited(t, 0)
	for range 20 {
		_, answered := ask(t, s)
		require.True(t, answered(5*time.Second))
	}
}
