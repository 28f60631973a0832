package kubetest

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Options are what clusters differ in.
type Options struct {
	// Token is the bearer token that clients must have; without one everybody may ask.
	Token string
	// NoWatchList makes the server refuse to send a watcher what exists, as clusters before 1.32 do: clients list first.
	NoWatchList bool
}

// Server serves one cluster, empty at first.
type Server struct {
	// URL is the api_server of a configuration.
	URL string

	options Options
	http    *httptest.Server
	store   *store

	mu    sync.Mutex
	down  chan struct{} // closed to break off the watches
	asked map[string]bool
}

// NewServer starts a server that ends with the test.
func NewServer(tb testing.TB, options Options) *Server {
	tb.Helper()
	s := &Server{options: options, store: newStore(), down: make(chan struct{}), asked: map[string]bool{}}
	mux := http.NewServeMux()
	for _, prefix := range []string{"/api/{version}/", "/apis/{group}/{version}/"} {
		mux.HandleFunc("GET "+prefix+"{resource}", s.serve)
		mux.HandleFunc("GET "+prefix+"namespaces/{namespace}/{resource}", s.serve)
	}
	s.http = httptest.NewTLSServer(s.authenticated(mux))
	s.URL = s.http.URL
	tb.Cleanup(func() {
		s.Break()
		s.http.CloseClientConnections()
		s.http.Close()
	})
	return s
}

// Put creates objects, or replaces those of the same names. The server keeps copies.
func (s *Server) Put(objects ...Object) {
	for _, o := range objects {
		s.store.put(o)
	}
}

// Delete removes the object of the same type, namespace and name, and reports whether there was one.
func (s *Server) Delete(o Object) bool { return s.store.remove(o) }

// Break ends all watches, as a server does that restarts; clients come back.
func (s *Server) Break() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.down)
	s.down = make(chan struct{})
}

func (s *Server) broken() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down
}

// Asked returns what clients did so far, sorted, each as the permission it takes: verb, API group and resource, such as
// "list pods" or "watch discovery.k8s.io/endpointslices".
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]string, 0, len(s.asked))
	for permission := range s.asked {
		out = append(out, permission)
	}
	slices.Sort(out)
	return out
}

func (s *Server) note(verb string, r *http.Request) {
	resource := strings.TrimPrefix(r.PathValue("group")+"/"+r.PathValue("resource"), "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[verb+" "+resource] = true
}

// CA is the certificate that clients trust the server by, as PEM.
func (s *Server) CA() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw}))
}

func (s *Server) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.options.Token != "" && r.Header.Get("Authorization") != "Bearer "+s.options.Token {
			refuse(w, http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error())
		return
	}
	gv := schema.GroupVersion{Group: r.PathValue("group"), Version: r.PathValue("version")}
	if kinds[q.resource].GroupVersion() != gv {
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound, "the server could not find the requested resource")
		return
	}
	if err := q.check(selectable(q.resource)); err != nil {
		refuse(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error())
		return
	}
	switch {
	case !q.watch:
		s.note("list", r)
		s.list(w, q)
	case q.initial && s.options.NoWatchList:
		refuse(w, http.StatusUnprocessableEntity, metav1.StatusReasonInvalid,
			"sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled")
	default:
		s.note("watch", r)
		s.watch(r.Context(), w, q)
	}
}
