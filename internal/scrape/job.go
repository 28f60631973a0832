package scrape

import (
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"

	promcommon "github.com/prometheus/common/config"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.uber.org/zap"
)

// job scrapes the targets of one scrape_config. Its methods are called by one goroutine at a time.
type job struct {
	cfg      *promconfig.ScrapeConfig
	external labels.Labels
	client   *http.Client
	// closeIdle closes the connections of the client that are not in use.
	closeIdle func()
	headers   http.Header
	log       *zap.Logger
	failures  *slog.Logger
	shared    *shared
	gate      *gate
	// collection is what is asked instead of targets, or nil.
	collection *Collection

	groups []*targetgroup.Group
	// loops are those of the targets by their hash, ending those that may write end-of-run markers, by public labels.
	loops  map[uint64]*loop
	ending map[string][]*loop
	// dropped are targets by their labels before relabelling, of which there may be more than are kept here.
	dropped      []labels.Labels
	droppedCount int
	elsewhere    int
}

func newJob(cfg *promconfig.ScrapeConfig, external labels.Labels, s *shared) (*job, error) {
	j := &job{
		shared: s, gate: s.newGate(cfg.JobName), loops: map[uint64]*loop{}, ending: map[string][]*loop{},
		log: s.Logger.With(zap.String("job", cfg.JobName)),
	}
	return j, j.configure(cfg, external)
}

// configure makes what depends on the configuration.
func (j *job) configure(cfg *promconfig.ScrapeConfig, external labels.Labels) error {
	headers, err := Headers(cfg, j.shared.UserAgent)
	if err != nil {
		return fmt.Errorf("job %q: %w", cfg.JobName, err)
	}
	client, err := promcommon.NewClientFromConfig(cfg.HTTPClientConfig, cfg.JobName, j.shared.network...)
	if err != nil {
		return fmt.Errorf("job %q: %w", cfg.JobName, err)
	}
	if j.closeIdle != nil {
		j.closeIdle()
	}
	plain := *client // otelhttp hides its method
	j.closeIdle = plain.CloseIdleConnections
	if wrap := j.shared.wrap; wrap != nil {
		client.Transport = wrap(client.Transport)
	}
	client.Transport = otelhttp.NewTransport(client.Transport, j.shared.tracing()...)
	j.cfg, j.external, j.client, j.headers = cfg, external, client, headers
	return nil
}

// reload changes the configuration: all loops begin anew, with what the old ones know. Where targets come from is no
// concern of theirs.
func (j *job) reload(cfg *promconfig.ScrapeConfig, external labels.Labels) error {
	before, after := *j.cfg, *cfg
	before.ServiceDiscoveryConfigs, after.ServiceDiscoveryConfigs = nil, nil
	if reflect.DeepEqual(before, after) && labels.Equal(j.external, external) {
		j.cfg = cfg
		return nil
	}
	if err := j.configure(cfg, external); err != nil {
		return err
	}
	for hash, l := range j.loops {
		j.retire(hash, l)
	}
	j.sync(j.groups)
	return nil
}

// retire stops a loop. Until its markers are written, another one may go on with what it knows.
func (j *job) retire(hash uint64, l *loop) {
	l.stop()
	delete(j.loops, hash)
	key := l.public.String()
	j.ending[key] = append(j.ending[key], l)
}

// sync makes loops for the targets there are now. Source: scrapePool.sync of prometheus/prometheus.
func (j *job) sync(groups []*targetgroup.Group) {
	j.groups = groups
	found, dropped, errs := targets(groups, j.cfg)
	j.complain(errs)
	j.keepDropped(dropped)
	wanted := j.wanted(found)
	for hash, l := range j.loops {
		if wanted[hash] == nil {
			j.retire(hash, l)
		}
	}
	var begun []*loop
	for hash, t := range wanted {
		if j.loops[hash] == nil {
			j.loops[hash] = j.newLoop(t)
			begun = append(begun, j.loops[hash])
		}
	}
	j.applyTargetLimit()
	for _, l := range begun {
		j.shared.running.Add(1)
		go l.run()
	}
	j.forgetEnded()
}

// wanted are the targets of this shard, each once.
func (j *job) wanted(found []*target) map[uint64]*target {
	wanted := make(map[uint64]*target, len(found))
	others := map[uint64]bool{}
	for _, t := range found {
		if j.shared.Shard.has(t.hash) {
			wanted[t.hash] = t
		} else {
			others[t.hash] = true
		}
	}
	j.elsewhere = len(others)
	return wanted
}

func (j *job) newLoop(t *target) *loop {
	l := newLoop(t, j.shared, j.gate)
	l.job, l.failures = j.cfg.JobName, j.failures
	l.options = j.shared.options(j.cfg, t, j.external)
	l.log = j.log.With(zap.String("target", t.redactedURL()))
	headers := j.headers
	if t.timeout.String() != j.cfg.ScrapeTimeout.String() {
		headers = headers.Clone()
		headers.Set(timeoutHeader, seconds(t.timeout))
	}
	l.getter = NewFetcher(j.client, t.url, headers, int64(j.cfg.BodySizeLimit))
	if j.collection != nil {
		l.getter = &collected{Collection: *j.collection}
	}
	l.before = j.adopt(t)
	return l
}

// adopt finds the loop that has scraped a target with the same labels, best the one with the same URL, or returns nil.
func (j *job) adopt(t *target) *loop {
	key := t.public.String()
	ending := j.ending[key]
	if len(ending) == 0 {
		return nil
	}
	at := max(0, slices.IndexFunc(ending, func(l *loop) bool { return l.url == t.url }))
	before := ending[at]
	j.ending[key] = slices.Delete(ending, at, at+1)
	before.adopt()
	return before
}

func (j *job) complain(errs []error) {
	for _, err := range errs {
		j.log.Error("a target cannot be scraped", zap.Error(err))
	}
	if j.shared.Observer.BadTargets != nil && len(errs) > 0 {
		j.shared.Observer.BadTargets(j.shared.deliver, j.cfg.JobName, len(errs))
	}
}

// keepDropped keeps as many as keep_dropped_targets says, all if that is 0.
func (j *job) keepDropped(dropped []labels.Labels) {
	j.droppedCount = len(dropped)
	if keep := int(j.cfg.KeepDroppedTargets); keep > 0 {
		dropped = dropped[:min(keep, len(dropped))]
	}
	j.dropped = dropped
}

// applyTargetLimit fails all targets if there are too many.
func (j *job) applyTargetLimit() {
	var forced *error
	if limit := int(j.cfg.TargetLimit); limit > 0 && len(j.loops) > limit {
		err := fmt.Errorf("target_limit exceeded (number of targets: %d, limit: %d)", len(j.loops), limit)
		forced = &err
	}
	for _, l := range j.loops {
		l.forced.Store(forced)
	}
}

func (j *job) forgetEnded() {
	for key, loops := range j.ending {
		loops = slices.DeleteFunc(loops, (*loop).over)
		if j.ending[key] = loops; len(loops) == 0 {
			delete(j.ending, key)
		}
	}
}

// stop ends the job: its targets are gone.
func (j *job) stop() {
	for hash, l := range j.loops {
		j.retire(hash, l)
	}
	j.closeIdle()
}
