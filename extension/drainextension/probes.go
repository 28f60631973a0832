package drainextension

import (
	"net/http"
	"sync/atomic"
)

// phase is where the collector stands in its life; it only moves forward.
type phase int32

const (
	phaseStarting phase = iota
	phaseReady
	phaseStopping
)

func (p phase) String() string {
	return [...]string{"starting", "ready", "stopping"}[p]
}

// probes answers liveness and readiness. Its zero value is a collector that is starting. Safe for concurrent use.
type probes struct{ phase atomic.Int32 }

func (p *probes) set(to phase) { p.phase.Store(int32(to)) }

func (p *probes) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", p.live)
	mux.HandleFunc("GET /readyz", p.ready)
	return mux
}

// live is always 200: while a collector drains, restarting it would lose what it still holds.
func (*probes) live(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte("alive\n"))
}

func (p *probes) ready(w http.ResponseWriter, _ *http.Request) {
	now := phase(p.phase.Load())
	if now != phaseReady {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = w.Write([]byte(now.String() + "\n"))
}
