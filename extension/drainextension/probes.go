package drainextension

import (
	"net/http"

	"github.com/sluice-metrics/sluice/internal/drain"
)

// probes answers liveness and readiness from the state that the collector is in.
func probes(state func() drain.State) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", live)
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		now := state()
		if now != drain.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write([]byte(now.String() + "\n"))
	})
	return mux
}

// live is always 200: while a collector drains, restarting it would lose what it still holds.
func live(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte("alive\n"))
}
