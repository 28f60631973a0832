package scrape

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/scrapeconfig"
)

// simulation is a manager with thousands of targets in a synctest bubble. Requests go straight to what targets do.
type simulation struct {
	*Manager
	t   *testing.T
	cfg *scrapeconfig.Config

	mu sync.Mutex
	// behaviour is of each host, asked when it was asked.
	behaviour map[string]behaviour
	asked     map[string][]time.Duration
	// running are requests under way, most is how many there were at a time.
	running, most int
	ups           map[string][]up
	stale         int
	skipped       map[Skip]int
	consume       func(points int) error
}

type up struct {
	at    time.Duration
	value float64
}

// behaviour answers a request.
type behaviour func(req *http.Request) (*http.Response, error)

func newSimulation(t *testing.T, jobs map[string]int, interval time.Duration, p Protection) *simulation {
	t.Helper()
	s := &simulation{
		t: t, cfg: jobsOf(t, jobs, interval),
		behaviour: map[string]behaviour{}, asked: map[string][]time.Duration{},
		ups: map[string][]up{}, skipped: map[Skip]int{},
	}
	s.Manager = s.manager(p)
	return s
}

func (s *simulation) manager(p Protection) *Manager {
	m := NewManager(Settings{
		Logger: zap.NewNop(), UserAgent: "test/1", Scope: "test", Version: "1", Consume: s.take, Protection: p,
		Observer: Observer{Skipped: func(_ context.Context, what Skipped) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.skipped[what.Reason]++
		}},
	})
	m.shared.wrap = func(http.RoundTripper) http.RoundTripper { return s }
	return m
}

func jobsOf(t *testing.T, jobs map[string]int, interval time.Duration) *scrapeconfig.Config {
	t.Helper()
	var b strings.Builder
	b.WriteString("scrape_configs:\n")
	for name := range jobs {
		fmt.Fprintf(&b, "- {job_name: %s, scrape_interval: %s, scrape_timeout: %s}\n", name, model.Duration(interval), model.Duration(interval/2))
	}
	cfg, err := promconfig.Load(b.String(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	list, err := cfg.GetScrapeConfigs()
	require.NoError(t, err)
	return &scrapeconfig.Config{Global: cfg.GlobalConfig, Jobs: list}
}

// hosts are the targets of a job.
func hosts(job string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%s-%d:1", job, i))
	}
	return all
}

// begin lets the manager scrape.
func (s *simulation) begin(jobs map[string]int) {
	s.t.Helper()
	require.NoError(s.t, s.Apply(s.cfg))
	groups := map[string][]*targetgroup.Group{}
	for job, n := range jobs {
		g := &targetgroup.Group{Source: job}
		for _, host := range hosts(job, n) {
			g.Targets = append(g.Targets, model.LabelSet{model.AddressLabel: model.LabelValue(host)})
		}
		groups[job] = []*targetgroup.Group{g}
	}
	s.Discovered(groups)
}

func (s *simulation) behave(host string, b behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behaviour[host] = b
}

// RoundTrip is the network.
func (s *simulation) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	b := s.behaviour[req.URL.Host]
	s.asked[req.URL.Host] = append(s.asked[req.URL.Host], time.Since(bubble))
	s.running++
	s.most = max(s.most, s.running)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running--
	}()
	return b(req)
}

func (s *simulation) take(_ context.Context, md pmetric.Metrics) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.consume != nil {
		if err := s.consume(md.DataPointCount()); err != nil {
			return err
		}
	}
	for _, p := range pointsOf(md) {
		switch {
		case p.stale:
			s.stale++
		case p.name == "up":
			s.ups[p.instance] = append(s.ups[p.instance], up{p.at.Sub(bubble), p.value})
		}
	}
	return nil
}

// stop ends all.
func (s *simulation) stop() {
	s.t.Helper()
	require.NoError(s.t, s.Shutdown(context.Background()))
}

func reply(req *http.Request, code int, page, retryAfter string) *http.Response {
	r := &http.Response{
		StatusCode: code, Status: fmt.Sprintf("%d %s", code, http.StatusText(code)), Request: req,
		Header: http.Header{"Content-Type": {"text/plain; version=0.0.4"}}, Body: io.NopCloser(strings.NewReader(page)),
	}
	if retryAfter != "" {
		r.Header.Set("Retry-After", retryAfter)
	}
	return r
}

func healthy(req *http.Request) (*http.Response, error) {
	return reply(req, http.StatusOK, "m 1\n", ""), nil
}

func failing(req *http.Request) (*http.Response, error) {
	return reply(req, http.StatusInternalServerError, "", ""), nil
}

func refusing(req *http.Request) (*http.Response, error) {
	return reply(req, http.StatusTooManyRequests, "", "45"), nil
}

// holed never answers.
func holed(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// lasting answers after a time.
func lasting(d time.Duration) behaviour {
	return func(req *http.Request) (*http.Response, error) {
		select {
		case <-time.After(d):
			return healthy(req)
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
}

// flapping fails every second minute.
func flapping(req *http.Request) (*http.Response, error) {
	if int(time.Since(bubble).Minutes())%2 == 1 {
		return failing(req)
	}
	return healthy(req)
}

// peak is the most requests of any second from one time to another.
func (s *simulation) peak(from, to time.Duration) (most int) {
	for _, n := range s.seconds(from, to) {
		most = max(most, n)
	}
	return most
}

// total is how many requests there were from one time to another.
func (s *simulation) total(from, to time.Duration) (all int) {
	for _, n := range s.seconds(from, to) {
		all += n
	}
	return all
}

func (s *simulation) seconds(from, to time.Duration) map[int]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	seconds := map[int]int{}
	for _, asked := range s.asked {
		for _, at := range asked {
			if at >= from && at < to {
				seconds[int(at/time.Second)]++
			}
		}
	}
	return seconds
}

// all makes all targets of all jobs behave alike.
func (s *simulation) all(jobs map[string]int, b behaviour) {
	for job, n := range jobs {
		for _, host := range hosts(job, n) {
			s.behave(host, b)
		}
	}
}
