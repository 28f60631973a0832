package scrape

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"os"
	"sync"

	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/util/logging"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	metricnoop "go.opentelemetry.io/otel/metric/noop"

	"github.com/sluice-metrics/sluice/internal/scrapeconfig"
	"github.com/sluice-metrics/sluice/internal/turnstile"
)

// Manager scrapes the targets of jobs.
type Manager struct {
	shared shared
	// cancel ends scrapes, abandon also what is being passed on.
	cancel, abandon context.CancelFunc

	mu   sync.Mutex
	jobs map[string]*job
	// removed are jobs whose loops may still write end-of-run markers, unless the job comes back.
	removed map[string]*job
	logs    map[string]*logging.JSONFileLogger
	stopped bool
}

// NewManager returns a manager without jobs.
func NewManager(s Settings) *Manager {
	ctx, cancel := context.WithCancel(context.Background())
	deliver, abandon := context.WithCancel(context.Background())
	p := &s.Protection
	return &Manager{
		shared: shared{
			Settings: s, ctx: ctx, deliver: deliver,
			bucket: newBucket(p.Rate), turnstile: turnstile.New(p.MaxConcurrency), pressure: newPressure(p.Backpressure),
		},
		cancel: cancel, abandon: abandon,
		jobs: map[string]*job{}, removed: map[string]*job{}, logs: map[string]*logging.JSONFileLogger{},
	}
}

// ErrStopped is returned after Shutdown.
var ErrStopped = errors.New("the scrape manager has stopped")

// Apply makes the jobs those of a configuration. Jobs that have not changed are left alone; an error is one of the jobs
// that could not be changed, and go on as before.
func (m *Manager) Apply(cfg *scrapeconfig.Config) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return ErrStopped
	}
	m.shared.setSeed(cfg.Global.ExternalLabels)
	wanted := map[string]bool{}
	var errs []error
	for _, c := range cfg.Jobs {
		wanted[c.JobName] = true
		errs = append(errs, m.applyJob(c, cfg.Global.ExternalLabels))
	}
	for name, c := range m.shared.Collections {
		if wanted[name] {
			errs = append(errs, fmt.Errorf("collection %q: a job has this name", name))
			continue
		}
		wanted[name] = true
		errs = append(errs, m.applyCollection(name, c, cfg.Global))
	}
	m.remove(wanted)
	return errors.Join(errs...)
}

// remove ends the jobs that are not wanted.
func (m *Manager) remove(wanted map[string]bool) {
	for name, j := range m.removed {
		if j.forgetEnded(); len(j.ending) == 0 {
			delete(m.removed, name)
			m.shared.skipLog.forget(name)
		}
	}
	for name, j := range m.jobs {
		if !wanted[name] {
			j.stop()
			delete(m.jobs, name)
			m.removed[name] = j
		}
	}
}

// applyJob makes a job, or changes it.
func (m *Manager) applyJob(c *promconfig.ScrapeConfig, external labels.Labels) error {
	failures, err := m.failureLog(c.ScrapeFailureLogFile)
	if err != nil {
		err = fmt.Errorf("job %q: `scrape_failure_log_file`: %w", c.JobName, err)
	}
	if j := m.jobs[c.JobName]; j != nil {
		j.failures = failures
		return errors.Join(err, j.reload(c, external))
	}
	j, made := newJob(c, external, &m.shared)
	if made != nil {
		return errors.Join(err, made)
	}
	j.failures = failures
	if before := m.removed[c.JobName]; before != nil {
		j.ending = before.ending
		delete(m.removed, c.JobName)
	}
	m.jobs[c.JobName] = j
	return err
}

func (m *Manager) applyCollection(name string, c Collection, global promconfig.GlobalConfig) error {
	cfg, err := c.job(name, global)
	if err != nil {
		return err
	}
	if err := m.applyJob(cfg, global.ExternalLabels); err != nil {
		return err
	}
	j := m.jobs[name]
	j.collection = &c
	j.sync(c.groups(name))
	return nil
}

// failureLog opens a file for failures, or finds it open.
func (m *Manager) failureLog(path string) (*slog.Logger, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // no file, no log
	}
	l := m.logs[path]
	if l == nil {
		var err error
		if l, err = logging.NewJSONFileLogger(path); err != nil {
			return nil, err
		}
		m.logs[path] = l
	}
	return slog.New(l), nil
}

// Discovered takes the targets of all jobs by their names, as discovery.Manager delivers them.
func (m *Manager) Discovered(groups map[string][]*targetgroup.Group) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return
	}
	var syncing sync.WaitGroup
	for name, j := range m.jobs {
		if g, ok := groups[name]; ok {
			syncing.Go(func() { j.sync(g) })
		}
	}
	syncing.Wait()
}

// Shutdown cancels all scrapes. What was read is still passed on, as long as ctx allows; it writes no staleness markers:
// the targets are not gone. It may be called twice.
func (m *Manager) Shutdown(ctx context.Context) error {
	m.mu.Lock()
	m.stopped = true
	m.mu.Unlock()
	m.cancel()
	ended := make(chan struct{})
	go func() {
		m.shared.running.Wait()
		close(ended)
	}()
	var err error
	select {
	case <-ended:
	case <-ctx.Done():
		err = fmt.Errorf("not all scrapes could be passed on: %w", ctx.Err())
	}
	m.abandon()
	return errors.Join(err, m.close())
}

func (m *Manager) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var errs []error
	for _, j := range m.jobs {
		j.closeIdle()
	}
	for _, l := range m.logs {
		errs = append(errs, io.Closer(l).Close())
	}
	m.jobs, m.logs = nil, nil
	return errors.Join(errs...)
}

// setSeed makes offsets of collectors with other external labels, or on other hosts, different ones. Source:
// Manager.setOffsetSeed of prometheus/prometheus.
func (s *shared) setSeed(external labels.Labels) {
	host, _ := os.Hostname() // without a name all hosts have the same offsets, which does no harm
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s%s", host, external.String())
	s.seed.Store(h.Sum64())
}

// tracing makes a span of each request. The metrics of HTTP clients are left out: those of scrapes say more.
func (s *Settings) tracing() []otelhttp.Option {
	options := []otelhttp.Option{otelhttp.WithMeterProvider(metricnoop.NewMeterProvider())}
	if s.Tracers != nil {
		options = append(options, otelhttp.WithTracerProvider(s.Tracers))
	}
	return options
}
