package scrape

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
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
	// unit is what a second is: more on a machine that is too busy for less.
	unit  time.Duration
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
	// late tells that a target that answers in time was not answered in time, recovered that all were up in the end.
	late, recovered bool
}

// timeout is how long a scrape may take.
func (s *sockets) timeout() time.Duration { return s.unit * 3 / 10 }

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
		time.Sleep(s.unit / 10)
		_, _ = io.WriteString(out, "m 1\n")
	case "flapping":
		if time.Since(s.begin)/s.unit%4 > 1 {
			out.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(out, "m 1\n")
	case "failing":
		out.WriteHeader(http.StatusInternalServerError)
	case "refusing":
		out.Header().Set("Retry-After", strconv.Itoa(int(3*s.unit.Seconds())))
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
		case p.name == "scrape_duration_seconds" && p.value >= s.timeout().Seconds():
			s.late = s.late || s.answers(p.instance)
		}
	}
	return nil
}

// answers reports whether a target answers within the time of a scrape. The lock is held.
func (s *sockets) answers(instance string) bool {
	kind := s.kinds[instance]
	return kind != "hanging" && kind != "dead"
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

// heal makes all well that have a socket, and finds out whether they are up within the longest open time.
func (s *sockets) heal(m *Manager) {
	s.mu.Lock()
	s.outage = time.Since(s.begin)
	s.original, s.before = maps.Clone(s.kinds), maps.Clone(s.ups)
	for address, kind := range s.kinds {
		if kind != "dead" {
			s.kinds[address] = "healthy"
		}
	}
	s.mu.Unlock()
	longest := s.unit * 84 / 10 // 4.4 for the breaker, and a token or a place may have to be awaited
	for begin := time.Now(); !s.recovered && time.Since(begin) < longest; time.Sleep(50 * time.Millisecond) {
		s.recovered = notUp(m) == 25
	}
}

// notUp counts the targets that are not up.
func notUp(m *Manager) (n int) {
	for _, job := range m.State() {
		for _, target := range job.Targets {
			if target.Health() != promscrape.HealthGood || target.Breaker.State != breaker.Closed {
				n++
			}
		}
	}
	return n
}

// Two hundred sockets see what the simulation promises. On a machine that is too busy for it they look again with more time,
// but not for ever.
func TestTargetsBehindSocketsAreScrapedWithinTheirBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes twenty seconds")
	}
	const patient = 9 * time.Second
	for unit := time.Second; ; unit *= 3 {
		s := &sockets{unit: unit, asked: map[string][]time.Duration{}, kinds: map[string]string{}, ups: map[string][]float64{}}
		counts := s.live(t)
		if unit < patient && (s.late || !s.recovered) {
			t.Logf("the machine is too busy for a unit of %v", unit)
			continue
		}
		s.require(t, counts)
		return
	}
}

const socketPlaces = 20

var socketRate = Rate{PerSecond: 1, Burst: 2}

// per is a rate in units.
func (s *sockets) per(r Rate) Rate { return Rate{r.PerSecond / s.unit.Seconds(), r.Burst} }

// live opens the sockets, has them scraped, first as they are and then when they are well, and returns how things stood in
// between.
func (s *sockets) live(t *testing.T) map[string]JobCounts {
	t.Helper()
	big, small := s.open(t)
	m := NewManager(Settings{
		Logger: zap.NewNop(), UserAgent: "test/1", Scope: "test", Version: "1", Consume: s.take,
		Protection: Protection{
			TargetRate: s.per(socketRate), MaxConcurrency: socketPlaces,
			Breaker: &breaker.Config{Threshold: 2, Timeout: 2 * s.unit, MaxTimeout: 4 * s.unit, Probes: 1, Jitter: 0.1},
		},
	})
	global := fmt.Sprintf("scrape_interval: %dms, scrape_timeout: %dms", (s.unit / 2).Milliseconds(), s.timeout().Milliseconds())
	cfg := configured(t, global, targetsOf("big", strings.Join(big, ", "))+targetsOf("small", strings.Join(small, ", ")))
	require.NoError(t, m.Apply(cfg))
	s.begin = time.Now()
	m.Discovered(static(cfg))
	time.Sleep(8 * s.unit)
	counts := m.Counts()
	s.heal(m)
	require.NoError(t, m.Shutdown(t.Context()))
	return counts
}

// open opens sockets of all kinds.
func (s *sockets) open(t *testing.T) (big, small []string) {
	t.Helper()
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
	return big, small
}

func (s *sockets) require(t *testing.T, counts map[string]JobCounts) {
	t.Helper()
	assert.True(t, s.recovered, "all are up within the longest open time once they can be")
	assert.Equal(t, 200, counts["big"].Targets+counts["small"].Targets)
	assert.GreaterOrEqual(t, counts["big"].Breakers[breaker.Closed], 50)
	assert.Equal(t, 25, counts["small"].Breakers[breaker.Closed])
	s.mu.Lock()
	defer s.mu.Unlock()
	assert.LessOrEqual(t, s.most, socketPlaces*3/2, "a server learns later than its client that this has gone")
	rate := s.per(Rate{socketRate.PerSecond * 1.05, socketRate.Burst + 1}) // a network has jitter
	for address, kind := range s.original {
		requireWithin(t, rate, address, s.asked[address])
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
