package guardextension

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"
	"weak"

	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/breaker"
)

// otherBackends is the address of those beyond a bound.
const otherBackends = "other"

// backends are all that clients of the guard send to. Clients come and go, as those of contrib's loadbalancing exporter do,
// and do not say so: a backend is known for as long as its client lives.
type backends struct {
	cfg       *ClientConfig
	decisions *decisions
	logger    *zap.Logger
	// report tells the host the status of the guard; it is called in order.
	report func(*componentstatus.Event)

	mu    sync.Mutex
	next  int
	known map[int]weak.Pointer[backend]
	// open are the addresses of those whose breaker is not closed.
	open   map[int]string
	closed bool
}

func newBackends(c *ClientConfig, d *decisions, logger *zap.Logger, report func(*componentstatus.Event)) *backends {
	return &backends{
		cfg: c, decisions: d, logger: logger, report: report,
		known: map[int]weak.Pointer[backend]{}, open: map[int]string{},
	}
}

func (s *backends) add(p protocol, address string) *backend {
	b := newBackend(s.cfg, p, address, s.decisions)
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.next
	s.next++
	b.changed = func(open bool, why error) { s.change(id, address, open, why) }
	s.known[id] = weak.Make(b)
	runtime.AddCleanup(b, s.forget, id)
	return b
}

// forget is called some time after the client is gone.
func (s *backends) forget(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, id)
	s.works(id)
}

// change is told by each backend when its breaker opens, and when it closes again.
func (s *backends) change(id int, address string, open bool, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	backend := zap.String("backend", address)
	if !open {
		s.logger.Info("Circuit breaker closes: the backend works again", backend)
		s.works(id)
		return
	}
	s.logger.Warn("Circuit breaker opens: the backend is left alone for a while", backend, zap.Error(why))
	s.open[id] = address
	if len(s.open) == 1 && !s.closed {
		s.report(componentstatus.NewRecoverableErrorEvent(fmt.Errorf("circuit breaker of %s is open: %w", address, why)))
	}
}

// works reports that all is well once no breaker is open.
func (s *backends) works(id int) {
	if _, ok := s.open[id]; !ok {
		return
	}
	delete(s.open, id)
	if len(s.open) == 0 && !s.closed {
		s.report(componentstatus.NewEvent(componentstatus.StatusOK))
	}
}

// close ends reporting: after Shutdown begins, the status is the service's.
func (s *backends) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// mostAddresses bounds the series of self-metrics.
const mostAddresses = 128

// states are the worst of each address.
func (s *backends) states(now time.Time) map[string]breaker.State {
	s.mu.Lock()
	known := slices.Collect(maps.Values(s.known))
	s.mu.Unlock()
	states := map[string]breaker.State{}
	for _, p := range known {
		b := p.Value()
		if b == nil || b.breaker == nil {
			continue
		}
		address := b.address
		if _, ok := states[address]; !ok && len(states) >= mostAddresses {
			address = otherBackends
		}
		states[address] = max(states[address], b.breaker.Status(now).State)
	}
	return states
}
