package scrape

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	promcommon "github.com/prometheus/common/config"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/scrapeconfig"
)

// world is a manager with targets, a network and a pipeline that are all in one synctest bubble.
type world struct {
	*Manager
	t      *testing.T
	server http.Server
	conns  chan net.Conn
	logs   *observer.ObservedLogs

	mu       sync.Mutex
	targets  map[string]http.HandlerFunc
	requests []request
	points   []point
	scraped  []Scraped
	skipped  []Skipped
	breaks   []breaker.State
	// consume is asked before a batch is taken.
	consume func(context.Context) error
}

// request is one that came from the manager.
type request struct {
	at   time.Time
	host string
	http.Header
}

// point is a data point that was passed on.
type point struct {
	name, instance string
	at             time.Time
	value          float64
	stale          bool
}

// newWorld is to be called in a bubble, and its stop at the end.
func newWorld(t *testing.T, change ...func(*Settings)) *world {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	w := &world{t: t, conns: make(chan net.Conn), logs: logs, targets: map[string]http.HandlerFunc{}}
	s := Settings{
		Logger: zap.New(core), UserAgent: "test/1", Scope: "test", Version: "1", Consume: w.take,
		Observer: Observer{
			Scraped: func(_ context.Context, s Scraped) { w.locked(func() { w.scraped = append(w.scraped, s) }) },
			Skipped: func(_ context.Context, s Skipped) { w.locked(func() { w.skipped = append(w.skipped, s) }) },
			Breaker: func(_ context.Context, _ string, s breaker.State) {
				w.locked(func() { w.breaks = append(w.breaks, s) })
			},
		},
	}
	for _, f := range change {
		f(&s)
	}
	w.Manager = NewManager(s)
	w.shared.network = []promcommon.HTTPClientOption{promcommon.WithDialContextFunc(w.dial)}
	w.server.Handler = w
	go func() { assert.ErrorIs(t, w.server.Serve(w), http.ErrServerClosed) }()
	return w
}

func (w *world) locked(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// dial, Accept, Close and Addr are the network.
func (w *world) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case w.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *world) Accept() (net.Conn, error) {
	if conn, ok := <-w.conns; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (w *world) Close() error { close(w.conns); return nil }

func (*world) Addr() net.Addr { return &net.TCPAddr{} }

func (w *world) ServeHTTP(out http.ResponseWriter, req *http.Request) {
	var handler http.HandlerFunc
	w.locked(func() {
		w.requests = append(w.requests, request{time.Now(), req.Host, req.Header})
		handler = w.targets[req.Host]
	})
	if handler == nil {
		http.NotFound(out, req)
		return
	}
	out.Header().Set("Content-Type", "text/plain; version=0.0.4")
	handler(out, req)
}

// serve makes a target answer with the handler, page with a text.
func (w *world) serve(host string, handler http.HandlerFunc) {
	w.locked(func() { w.targets[host] = handler })
}

func (w *world) page(host, text string) {
	w.serve(host, func(out http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(out, text) })
}

// hang never answers.
func (w *world) hang(host string) {
	w.serve(host, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
}

func (w *world) take(ctx context.Context, md pmetric.Metrics) error {
	var consume func(context.Context) error
	w.locked(func() { consume = w.consume })
	if consume != nil {
		if err := consume(ctx); err != nil {
			return err
		}
	}
	w.locked(func() { w.points = append(w.points, pointsOf(md)...) })
	return nil
}

func (w *world) consumes(f func(context.Context) error) { w.locked(func() { w.consume = f }) }

func pointsOf(md pmetric.Metrics) (out []point) {
	for _, rm := range md.ResourceMetrics().All() {
		var instance string
		if v, ok := rm.Resource().Attributes().Get("service.instance.id"); ok {
			instance = v.AsString()
		}
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				out = append(out, numbers(m, instance)...)
			}
		}
	}
	return out
}

func numbers(m pmetric.Metric, instance string) (out []point) {
	var all pmetric.NumberDataPointSlice
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		all = m.Gauge().DataPoints()
	case pmetric.MetricTypeSum:
		all = m.Sum().DataPoints()
	default:
		return nil
	}
	for _, p := range all.All() {
		out = append(out, point{m.Name(), instance, p.Timestamp().AsTime(), p.DoubleValue(), p.Flags().NoRecordedValue()})
	}
	return out
}

// configured is what a Prometheus file with these scrape_configs says.
func configured(t *testing.T, global, jobs string) *scrapeconfig.Config {
	t.Helper()
	text := "global: {" + global + "}\nscrape_configs:\n" + jobs
	cfg, err := promconfig.Load(text, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	list, err := cfg.GetScrapeConfigs()
	require.NoError(t, err)
	return &scrapeconfig.Config{Global: cfg.GlobalConfig, Jobs: list}
}

// scrape makes the jobs and their static targets those of the configuration.
func (w *world) scrape(jobs string) {
	w.t.Helper()
	w.scrapeFor("scrape_interval: 10s", jobs)
}

func (w *world) scrapeFor(global, jobs string) {
	w.t.Helper()
	cfg := configured(w.t, global, jobs)
	require.NoError(w.t, w.Apply(cfg))
	w.Discovered(static(cfg))
}

func static(cfg *scrapeconfig.Config) map[string][]*targetgroup.Group {
	groups := map[string][]*targetgroup.Group{}
	for _, job := range cfg.Jobs {
		groups[job.JobName] = nil
		for _, sd := range job.ServiceDiscoveryConfigs {
			groups[job.JobName] = append(groups[job.JobName], sd.(discovery.StaticConfig)...)
		}
	}
	return groups
}

// targetsOf is a job with these targets.
func targetsOf(name, targets string, more ...string) string {
	lines := append([]string{"- job_name: " + name, "static_configs: [{targets: [" + targets + "]}]"}, more...)
	return strings.Join(lines, "\n  ") + "\n"
}

// stop ends all.
func (w *world) stop() {
	w.t.Helper()
	require.NoError(w.t, w.Shutdown(context.Background()))
	w.end()
}

// end is stop after a Shutdown.
func (w *world) end() {
	require.NoError(w.t, w.server.Close())
}

// got returns the points of a metric, and what all of them are if name is "".
func (w *world) got(name string) (out []point) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.points {
		if name == "" || p.name == name {
			out = append(out, p)
		}
	}
	return out
}

// stale returns the names of what has got a staleness marker, sorted.
func (w *world) stale() []string {
	names := []string{}
	for _, p := range w.got("") {
		if p.stale {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	return names
}

// times are those of the points of a metric.
func (w *world) times(name string) (out []time.Time) {
	for _, p := range w.got(name) {
		out = append(out, p.at)
	}
	return out
}

// timesOf are those of one target.
func (w *world) timesOf(name, instance string) (out []time.Time) {
	for _, p := range w.got(name) {
		if p.instance == instance {
			out = append(out, p.at)
		}
	}
	return out
}

// outcomes counts scrapes by what became of them.
func (w *world) outcomes() map[Outcome]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[Outcome]int{}
	for _, s := range w.scraped {
		out[s.Outcome]++
	}
	return out
}

// skips counts turns without a scrape by their reasons.
func (w *world) skips() map[Skip]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[Skip]int{}
	for _, s := range w.skipped {
		out[s.Reason]++
	}
	return out
}

// asked are the times of the requests to a host, since the beginning of the bubble.
func (w *world) asked(host string) (out []time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.requests {
		if r.host == host {
			out = append(out, r.at.Sub(bubble))
		}
	}
	return out
}

// bubble is when the time of synctest begins.
var bubble = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// state returns that of the only target of a job.
func (w *world) target(job string) TargetState {
	w.t.Helper()
	targets := w.State()[job].Targets
	require.Len(w.t, targets, 1)
	return targets[0]
}

// loopsOf returns the loops of a job by instance.
func (w *world) loopsOf(job string) map[string]*loop {
	w.Manager.mu.Lock()
	defer w.Manager.mu.Unlock()
	out := map[string]*loop{}
	for _, l := range w.jobs[job].loops {
		out[l.public.Get("instance")] = l
	}
	return out
}

// untilScraped waits for the next scrape of a host, and its batch.
func (w *world) untilScraped(instance string) {
	w.t.Helper()
	before := w.count(instance)
	for range 100_000 {
		if w.count(instance) > before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	require.Fail(w.t, "no scrape", instance)
}

func (w *world) count(instance string) (n int) {
	for _, p := range w.got("up") {
		if p.instance == instance && !p.stale {
			n++
		}
	}
	return n
}
