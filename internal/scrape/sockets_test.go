package scrape

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/breaker"
)

// sockets are targets behind sockets of their own.
type sockets struct {
	mu    sync.Mutex
	asked map[string][]time.Duration
	kinds map[string]string
	ups   map[string][]float64
	stale int
	begin time.Time
}

func (s *sockets) ServeHTTP(out http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	s.asked[req.Host] = append(s.asked[req.Host], time.Since(s.begin))
	kind := s.kinds[req.Host]
	s.mu.Unlock()
	switch kind {
	case "healthy":
		_, _ = io.WriteString(out, "m 1\n")
	case "failing":
		out.WriteHeader(http.StatusInternalServerError)
	case "refusing":
		out.Header().Set("Retry-After", "3")
		out.WriteHeader(http.StatusTooManyRequests)
	default:
		<-req.Context().Done()
	}
}

func (s *sockets) take(_ context.Context, md pmetric.Metrics) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range pointsOf(md) {
		switch {
		case p.stale:
			s.stale++
		case p.name == "up":
			s.ups[p.instance] = append(s.ups[p.instance], p.value)
		}
	}
	return nil
}

// listen opens a socket of a kind and returns its address. A dead one is closed by the caller, when no other can get its
// port.
func (s *sockets) listen(t *testing.T, kind string) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.kinds[listener.Addr().String()] = kind
	if kind == "dead" {
		return listener
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		assert.ErrorIs(t, server.Serve(listener), http.ErrServerClosed)
	}()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		<-done
	})
	return listener
}

// Two hundred sockets see what the simulation promises.
func TestTargetsBehindSocketsAreScrapedWithinTheirBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	s := &sockets{asked: map[string][]time.Duration{}, kinds: map[string]string{}, ups: map[string][]float64{}, begin: time.Now()}
	var list []string
	var dead []net.Listener
	for i := range 200 {
		kind := []string{"healthy", "failing", "refusing", "hanging", "dead"}[i%5]
		listener := s.listen(t, kind)
		list = append(list, "'"+listener.Addr().String()+"'")
		if kind == "dead" {
			dead = append(dead, listener)
		}
	}
	for _, listener := range dead {
		require.NoError(t, listener.Close())
	}
	bucket := Rate{PerSecond: 1, Burst: 2}
	const places = 60
	m := NewManager(Settings{
		Logger: zap.NewNop(), UserAgent: "test/1", Scope: "test", Version: "1", Consume: s.take,
		Protection: Protection{
			TargetRate: bucket, MaxConcurrency: places,
			Breaker: &breaker.Config{Threshold: 2, Timeout: 2 * time.Second, MaxTimeout: 4 * time.Second, Probes: 1, Jitter: 0.1},
		},
	})
	cfg := configured(t, "scrape_interval: 500ms, scrape_timeout: 300ms", targetsOf("j", strings.Join(list, ", ")))
	require.NoError(t, m.Apply(cfg))
	m.Discovered(static(cfg))
	time.Sleep(8 * time.Second)
	counts := m.Counts()["j"]
	require.NoError(t, m.Shutdown(t.Context()))

	assert.Equal(t, 200, counts.Targets)
	assert.GreaterOrEqual(t, counts.Breakers[breaker.Closed], 40)
	s.mu.Lock()
	defer s.mu.Unlock()
	for address, kind := range s.kinds {
		requireWithin(t, Rate{bucket.PerSecond * 1.05, bucket.Burst + 1}, address, s.asked[address]) // a network has jitter
		s.requireKind(t, address, kind)
	}
}

func (s *sockets) requireKind(t *testing.T, address, kind string) {
	t.Helper()
	asked := len(s.asked[address])
	switch kind {
	case "healthy":
		assert.GreaterOrEqual(t, asked, 4)
		assert.NotContains(t, s.ups[address], 0.0)
	case "dead":
		assert.Zero(t, asked)
	case "refusing":
		assert.LessOrEqual(t, asked, 3, "after 3 and 4 seconds")
	default:
		assert.LessOrEqual(t, asked, 5, "2, and after 2 and 4 seconds")
	}
	if kind != "healthy" {
		assert.NotContains(t, s.ups[address], 1.0)
		assert.GreaterOrEqual(t, len(s.ups[address]), 8, "while the breaker is open, too")
	}
}
