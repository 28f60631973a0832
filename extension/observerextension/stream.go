package observerextension

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/sluice-metrics/sluice/internal/httpserve"
)

// stream is the action of that name: it serves events as they come, by server-sent events. Each client has a buffer; what
// does not fit in there it misses, and is told how many that are.
type stream struct {
	cfg      *StreamConfig
	tel      component.TelemetrySettings
	hook     string
	priority Priority
	server   *httpserve.Server
	// missed counts what clients have missed.
	missed atomic.Int64

	mu      sync.Mutex
	clients map[*reader]struct{}
	ended   bool
}

// reader is a client.
type reader struct {
	filter filter
	lines  chan []byte
	missed int
	// gone is closed when the stream ends.
	gone chan struct{}
}

func newStream(cfg *HookConfig, tel component.TelemetrySettings) action {
	return &stream{cfg: cfg.Stream.Get(), tel: tel, hook: cfg.Name, priority: cfg.Priority, clients: map[*reader]struct{}{}}
}

func (s *stream) start(ctx context.Context, host component.Host) (err error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+s.cfg.Path, s.serve)
	s.server, err = httpserve.Start(ctx, &s.cfg.ServerConfig, host, s.tel, mux)
	return err
}

func (s *stream) stop(ctx context.Context) error {
	s.end()
	return s.server.Shutdown(ctx)
}

// end lets the clients go once they have what is in their buffers.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	for r := range s.clients {
		close(r.gone)
	}
}

func (s *stream) deliver(_ context.Context, events []Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.clients) == 0 {
		return nil
	}
	for i := range events {
		if err := s.tell(&events[i]); err != nil {
			return err
		}
	}
	return nil
}

// tell writes an event once for all who want it.
func (s *stream) tell(e *Event) error {
	var text []byte
	for r := range s.clients {
		if !r.filter.wants(e) {
			continue
		}
		if text == nil {
			data, err := json.Marshal(newEventJSON(s.hook, s.priority, e))
			if err != nil {
				return fmt.Errorf("an event cannot be written as JSON: %w", err)
			}
			text = fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", e.Metric.Sequence, e.Metric.Kind, data)
		}
		s.offer(r, text)
	}
	return nil
}

// offer keeps room for one more line, which says what was missed.
func (s *stream) offer(r *reader, text []byte) {
	if len(r.lines) >= s.cfg.ClientBuffer {
		r.missed++
		s.missed.Add(1)
		return
	}
	if r.missed > 0 {
		text = append(fmt.Appendf(nil, "event: missed\ndata: {\"events\": %d}\n\n", r.missed), text...)
		r.missed = 0
	}
	r.lines <- text
}

func (s *stream) join(f filter) *reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || len(s.clients) >= s.cfg.MaxClients {
		return nil
	}
	r := &reader{filter: f, lines: make(chan []byte, s.cfg.ClientBuffer), gone: make(chan struct{})}
	s.clients[r] = struct{}{}
	return r
}

func (s *stream) leave(r *reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, r)
}

func (s *stream) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.clients)
}

const (
	// beat is how often a client that gets no events is sent a comment, so that a connection that is dead is noticed.
	beat = 15 * time.Second
	// writing is how long a client may take for what it is sent.
	writing = 10 * time.Second
)

func (s *stream) serve(w http.ResponseWriter, req *http.Request) {
	f, err := newFilter(req.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r := s.join(f)
	if r == nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many clients", http.StatusServiceUnavailable)
		return
	}
	defer s.leave(r)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	c := http.NewResponseController(w)
	if send(w, c, []byte(": events of "+s.hook+"\n\n")) == nil {
		r.run(req.Context(), w, c)
	}
}

func (r *reader) run(ctx context.Context, w http.ResponseWriter, c *http.ResponseController) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		text := []byte(":\n\n")
		select {
		case text = <-r.lines:
		case <-ticker.C:
		case <-ctx.Done():
			return
		case <-r.gone:
			r.drain(w, c)
			return
		}
		if send(w, c, text) != nil {
			return
		}
	}
}

func (r *reader) drain(w http.ResponseWriter, c *http.ResponseController) {
	for {
		select {
		case text := <-r.lines:
			if send(w, c, text) != nil {
				return
			}
		default:
			return
		}
	}
}

// send has a deadline of its own: the server's is for the whole answer.
func send(w http.ResponseWriter, c *http.ResponseController, text []byte) error {
	if err := c.SetWriteDeadline(time.Now().Add(writing)); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	return c.Flush()
}
