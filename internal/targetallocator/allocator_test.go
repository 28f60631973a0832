package targetallocator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// allocator is a server that speaks as the operator's does.
type allocator struct {
	mu sync.Mutex
	// configs is the answer to /scrape_configs, as it is.
	configs string
	// targets are by collector and job.
	targets map[string]map[string][]targetJSON
	asked   []*http.Request
}

type targetJSON struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

type collectorJSON struct {
	Link    string       `json:"_link"`
	Targets []targetJSON `json:"targets"`
}

func (a *allocator) set(configs string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.configs = configs
}

func (a *allocator) requests() []*http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]*http.Request(nil), a.asked...)
}

func (a *allocator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, r)
	w.Header().Set("Content-Type", "application/json")
	path := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	switch {
	case len(path) == 1 && path[0] == "scrape_configs":
		_, _ = w.Write([]byte(a.configs))
	case len(path) == 3 && path[0] == "jobs" && path[2] == "targets":
		job, err := url.QueryUnescape(path[1])
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(a.answer(job, r.URL.Query()))
	default:
		http.NotFound(w, r)
	}
}

func (a *allocator) answer(job string, query url.Values) any {
	if ids := query["collector_id"]; len(ids) > 0 {
		return append([]targetJSON{}, a.targets[ids[0]][job]...)
	}
	all := map[string]collectorJSON{}
	for id, jobs := range a.targets {
		all[id] = collectorJSON{
			Link:    "/debug/jobs/" + url.QueryEscape(job) + "/targets?collector_id=" + id,
			Targets: append([]targetJSON{}, jobs[job]...),
		}
	}
	return all
}

func (a *allocator) start(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	return srv
}

func target(address string, labels ...string) targetJSON {
	all := map[string]string{"__address__": address}
	for i := 0; i < len(labels); i += 2 {
		all[labels[i]] = labels[i+1]
	}
	return targetJSON{Targets: []string{address}, Labels: all}
}

// client asks a server without connections that outlive the test.
func client(srv *httptest.Server, change ...func(*Options)) *Client {
	o := Options{Endpoint: srv.URL, CollectorID: "collector-1", Client: srv.Client()}
	for _, f := range change {
		f(&o)
	}
	return New(o)
}
