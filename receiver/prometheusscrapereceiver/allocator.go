package prometheusscrapereceiver

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/targetallocator"
)

// allocator asks the target allocator for jobs.
type allocator struct {
	client *targetallocator.Client

	mu   sync.Mutex
	jobs []*promconfig.ScrapeConfig
	// names are those of jobs, as the rest may be the user's own.
	names map[string]bool

	// asking is held while the allocator is asked for who has what; assigned are its last answers.
	asking   sync.Mutex
	assigned map[string]assigned
}

// assigned is what the allocator has said about a job.
type assigned struct {
	at  time.Time
	who *targetallocator.Assignment
	err error
}

// newAllocator returns nil if there is none.
func newAllocator(
	ctx context.Context, cfg *Config, set receiver.Settings, host component.Host, global promconfig.GlobalConfig,
) (*allocator, error) {
	if !cfg.TargetAllocator.HasValue() {
		return nil, nil //nolint:nilnil // none is configured
	}
	t := cfg.TargetAllocator.Get()
	sd, err := t.sd()
	if err != nil {
		return nil, err
	}
	lost, err := targetallocator.ConfigureSD(sd, &t.ClientConfig)
	if err != nil {
		return nil, prefixed("target_allocator", err)
	}
	if len(lost) > 0 {
		set.Logger.Warn("settings of target_allocator have no effect on the requests for targets", zap.Strings("settings", lost))
	}
	scrapeClient, err := t.scrapeClient()
	if err != nil {
		return nil, err
	}
	client, err := t.ClientConfig.ToClient(ctx, host.GetExtensions(), set.TelemetrySettings)
	if err != nil {
		return nil, prefixed("target_allocator", err)
	}
	return &allocator{assigned: map[string]assigned{}, client: targetallocator.New(targetallocator.Options{
		Endpoint: t.ClientConfig.Endpoint, CollectorID: t.CollectorID, SD: *sd, Scrape: scrapeClient,
		Global: global, Client: client,
	})}, nil
}

// retryInterval is how soon the first answer is asked for again.
const retryInterval = time.Second

// allocate asks for jobs until the context ends, soon again until there is a first answer.
func (r *scrapeReceiver) allocate(ctx context.Context) {
	interval := r.cfg.TargetAllocator.Get().Interval
	timer := time.NewTimer(0)
	defer timer.Stop()
	known := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		known = r.askAllocator(ctx) || known
		if known {
			timer.Reset(interval)
		} else {
			timer.Reset(min(retryInterval, interval))
		}
	}
}

// askAllocator reports whether the allocator has given jobs.
func (r *scrapeReceiver) askAllocator(ctx context.Context) bool {
	jobs, changed, err := r.allocator.client.Jobs(ctx)
	if ctx.Err() != nil {
		return false
	}
	if err != nil {
		r.set.Logger.Error("the target allocator", zap.Error(err))
	}
	if jobs == nil || !changed {
		if err != nil {
			r.telemetry.reloaded(ctx, err)
		}
		return jobs != nil
	}
	r.allocator.take(jobs)
	if applied := r.reapply(); applied != nil {
		err = applied
		r.set.Logger.Error("jobs of the target allocator are not used", zap.Error(err))
	}
	r.telemetry.reloaded(ctx, err)
	return true
}

func (a *allocator) take(jobs []*promconfig.ScrapeConfig) {
	a.asking.Lock()
	clear(a.assigned)
	a.asking.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.jobs, a.names = jobs, map[string]bool{}
	for _, j := range jobs {
		a.names[j.JobName] = true
	}
}

// with returns the jobs of the user and those of the allocator; of two with one name the user's.
func (a *allocator) with(own []*promconfig.ScrapeConfig, log *zap.Logger) []*promconfig.ScrapeConfig {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := append([]*promconfig.ScrapeConfig(nil), own...)
	taken := map[string]bool{}
	for _, j := range own {
		taken[j.JobName] = true
	}
	for _, j := range a.jobs {
		if taken[j.JobName] {
			log.Error("a job of the target allocator has the name of one of `config`, and is not used", zap.String("job", j.JobName))
			continue
		}
		all = append(all, j)
	}
	return all
}

// elsewhere asks the allocator whether another collector scrapes the target now. What is not known for sure is taken for
// that, as well: markers in the midst of a living series do more harm than none at the end of a dead one.
func (a *allocator) elsewhere(ctx context.Context, job string, discovered labels.Labels) bool {
	a.mu.Lock()
	allocated := a.names[job]
	a.mu.Unlock()
	if !allocated {
		return false
	}
	said := a.ask(ctx, job)
	if said.err != nil || said.who.Empty() {
		return true
	}
	lset := model.LabelSet{}
	discovered.Range(func(l labels.Label) { lset[model.LabelName(l.Name)] = model.LabelValue(l.Value) })
	return said.who.Elsewhere(lset)
}

// fresh is how long an answer counts: many targets may move at one time.
const fresh = 5 * time.Second

func (a *allocator) ask(ctx context.Context, job string) assigned {
	a.asking.Lock()
	defer a.asking.Unlock()
	said, ok := a.assigned[job]
	if !ok || time.Since(said.at) > fresh {
		who, err := a.client.Assigned(ctx, job)
		said = assigned{time.Now(), who, err}
		a.assigned[job] = said
	}
	return said
}
