package scrape

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	promscrape "github.com/prometheus/prometheus/scrape"
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
	// running are requests under way, most is how many there were at a time.
	running, most int
	// original are the kinds until outage ends, when all become healthy, before are the ups.
	original map[string]string
	before   map[string][]float64
	outage   time.Duration
}

func (s *sockets) ServeHTTP(out http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	s.asked[req.Host] = append(s.asked[req.Host], time.Since(s.begin))
	kind := s.kinds[req.Host]
	s.running++
	s.most = max(s.most, s.running)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running--
	}()
	switch kind {
	case "healthy":
		_, _ = io.WriteString(out, "m 1\n")
	case "slow":
		time.Sleep(100 * time.Millisecond)
		_, _ = io.WriteString(out, "m 1\n")
	case "flapping":
		if time.Since(s.begin)/time.Second%4 > 1 {
			out.WriteHeader(http.StatusInternalServerError)
			return
		}
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

// requireRecovery demands that all targets which have a socket are up within the longest open time, once they can be.
func (s *sockets) requireRecovery(t *testing.T, m *Manager) {
	t.Helper()
	s.mu.Lock()
	s.outage = time.Since(s.begin)
	s.original, s.before = maps.Clone(s.kinds), maps.Clone(s.ups)
	for address, kind := range s.kinds {
		if kind != "dead" {
			s.kinds[address] = "healthy"
		}
	}
	s.mu.Unlock()
	const longest = 4400*time.Millisecond + 4*time.Second // a token or a place may have to be awaited
	require.Eventually(t, func() bool {
		dead := 0
		for _, job := range m.State() {
			for _, target := range job.Targets {
				if target.Health() != promscrape.HealthGood || target.Breaker.State != breaker.Closed {
					dead++
				}
			}
		}
		return dead == 25
	}, longest, 50*time.Millisecond)
}

// Two hundred sockets see what the simulation promises.
func TestTargetsBehindSocketsAreScrapedWithinTheirBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes twenty seconds")
	}
	s := &sockets{asked: map[string][]time.Duration{}, kinds: map[string]string{}, ups: map[string][]float64{}, begin: time.Now()}
	var big, small []string
	var dead []net.Listener
	for i := range 200 {
		kind := []string{"healthy", "failing", "refusing", "hanging", "dead", "slow", "flapping", "healthy"}[i%8]
		listener := s.listen(t, kind)
		list := &big
		if i%8 == 7 {
			list = &small
		}
		*list = append(*list, "'"+listener.Addr().String()+"'")
		if kind == "dead" {
			dead = append(dead, listener)
		}
	}
	for _, listener := range dead {
		require.NoError(t, listener.Close())
	}
	bucket := Rate{PerSecond: 1, Burst: 2}
	const places = 20
	m := NewManager(Settings{
		Logger: zap.NewNop(), UserAgent: "test/1", Scope: "test", Version: "1", Consume: s.take,
		Protection: Protection{
			TargetRate: bucket, MaxConcurrency: places,
			Breaker: &breaker.Config{Threshold: 2, Timeout: 2 * time.Second, MaxTimeout: 4 * time.Second, Probes: 1, Jitter: 0.1},
		},
	})
	cfg := configured(t, "scrape_interval: 500ms, scrape_timeout: 300ms", targetsOf("big", strings.Join(big, ", "))+targetsOf("small", strings.Join(small, ", ")))
	require.NoError(t, m.Apply(cfg))
	m.Discovered(static(cfg))
	time.Sleep(8 * time.Second)
	counts := m.Counts()
	s.requireRecovery(t, m)
	require.NoError(t, m.Shutdown(t.Context()))

	assert.Equal(t, 200, counts["big"].Targets+counts["small"].Targets)
	assert.GreaterOrEqual(t, counts["big"].Breakers[breaker.Closed], 50)
	assert.Equal(t, len(small), counts["small"].Breakers[breaker.Closed])
	s.mu.Lock()
	defer s.mu.Unlock()
	assert.LessOrEqual(t, s.most, places*3/2, "a server learns later than its client that this has gone")
	for address, kind := range s.original {
		requireWithin(t, Rate{bucket.PerSecond * 1.05, bucket.Burst + 1}, address, s.asked[address]) // a network has jitter
		s.requireKind(t, address, kind)
	}
}

func (s *sockets) requireKind(t *testing.T, address, kind string) {
	t.Helper()
	asked := 0
	for _, at := range s.asked[address] {
		if at < s.outage {
			asked++
		}
	}
	ups := s.before[address]
	switch kind {
	case "healthy", "slow":
		assert.GreaterOrEqual(t, asked, 4)
		assert.NotContains(t, ups, 0.0)
		return
	case "flapping":
		assert.GreaterOrEqual(t, asked, 3)
		assert.Contains(t, ups, 0.0)
		assert.Contains(t, ups, 1.0)
		return
	case "dead":
		assert.Zero(t, asked)
	case "refusing":
		assert.LessOrEqual(t, asked, 3, "after 3 and 4 seconds")
	default:
		assert.LessOrEqual(t, asked, 5, "2, and after 2 and 4 seconds")
	}
	assert.NotContains(t, ups, 1.0)
	assert.GreaterOrEqual(t, len(ups), 8, "while the breaker is open, too")
}
