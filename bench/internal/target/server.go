package target

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Server serves targets, each on a loopback port of its own. It must be closed.
type Server struct {
	servers   []*http.Server
	addresses []string
	samples   atomic.Int64
	wg        sync.WaitGroup
}

// Serve starts to serve the targets, which are the server's from then on.
func Serve(targets ...*Target) (*Server, error) {
	s := &Server{}
	for _, t := range targets {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binding a loopback port does not block
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		h := &http.Server{Handler: &handler{target: t, samples: &s.samples}, ReadHeaderTimeout: 10 * time.Second}
		s.servers = append(s.servers, h)
		s.addresses = append(s.addresses, l.Addr().String())
		s.wg.Go(func() { _ = h.Serve(l) }) // it ends with Close
	}
	return s, nil
}

// Addresses returns where the targets are, host:port each, in their order. Any path is the page.
func (s *Server) Addresses() []string { return s.addresses }

// Samples returns the samples of all pages served whole.
func (s *Server) Samples() int64 { return s.samples.Load() }

// Close ends the server. It may be called again.
func (s *Server) Close() error {
	var errs []error
	for _, h := range s.servers {
		errs = append(errs, h.Close())
	}
	s.wg.Wait()
	return errors.Join(errs...)
}

type handler struct {
	samples *atomic.Int64

	mu     sync.Mutex
	target *Target
	page   []byte
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.page = h.target.AppendPage(h.page[:0])
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	if h.write(w, strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")) == nil {
		h.samples.Add(int64(h.target.Series()))
	}
}

func (h *handler) write(w http.ResponseWriter, compress bool) error {
	if !compress {
		_, err := w.Write(h.page)
		return err
	}
	w.Header().Set("Content-Encoding", "gzip")
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := z.Write(h.page); err != nil {
		return err
	}
	return z.Close()
}
