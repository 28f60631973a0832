package scrape_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	promscrape "github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"
)

// recorder keeps the scrapes of all targets in their order.
type recorder struct {
	mu      sync.Mutex
	batches map[string][]batch // guarded by mu; by the labels of the target's up
}

func (r *recorder) put(samples []sample) {
	for _, s := range samples {
		if s.name() == "up" && (s.isReport() || s.family == "up") {
			r.keep(s.target(), s.at, samples)
			return
		}
	}
}

func (r *recorder) keep(target labels.Labels, scraped int64, samples []sample) {
	b := batch{time: scraped, target: target, samples: make([]sample, len(samples))}
	for i, s := range samples {
		b.samples[i] = finished(s, scraped)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.batches == nil {
		r.batches = map[string][]batch{}
	}
	r.batches[target.String()] = append(r.batches[target.String()], b)
}

// first returns the first scrapes of each target, nil if there are not that many of each yet.
func (r *recorder) first(targets, scrapes int) map[string][]batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string][]batch{}
	for target, batches := range r.batches {
		if len(batches) < scrapes {
			return nil
		}
		out[target] = batches[:scrapes:scrapes]
	}
	if len(out) < targets {
		return nil
	}
	return out
}

// head appends to the recorder as a TSDB's head does: it refuses label names that are there twice, and markers that are
// older than the series.
type head struct {
	out recorder

	mu     sync.Mutex
	latest map[string]int64 // guarded by mu; by series
}

func newHead() *head { return &head{latest: map[string]int64{}} }

func (h *head) AppenderV2(context.Context) storage.AppenderV2 { return &headAppender{head: h} }

type headAppender struct {
	head    *head
	samples []sample
}

func (a *headAppender) Append(
	_ storage.SeriesRef, ls labels.Labels, start, at int64, v float64,
	h *histogram.Histogram, fh *histogram.FloatHistogram, opts storage.AOptions,
) (storage.SeriesRef, error) {
	if _, twice := ls.HasDuplicateLabelNames(); twice {
		return 0, errors.New("label names are there twice")
	}
	s := sample{
		labels: ls.Copy(), family: strings.Clone(opts.MetricFamilyName), meta: opts.Metadata, start: start, at: at,
		value: v, exemplars: slices.Clone(opts.Exemplars),
	}
	if h != nil {
		s.native = h.Copy()
	}
	if fh != nil {
		s.float = fh.Copy()
	}
	s.refused = opts.RejectOutOfOrder && a.head.has(ls, at)
	a.samples = append(a.samples, s)
	if s.refused {
		return 0, storage.ErrOutOfOrderSample
	}
	return storage.SeriesRef(ls.Hash()), nil
}

func (h *head) has(ls labels.Labels, at int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	latest, ok := h.latest[ls.String()]
	return ok && latest >= at
}

func (a *headAppender) Commit() error {
	a.head.mu.Lock()
	for _, s := range a.samples {
		a.head.latest[s.series()] = max(a.head.latest[s.series()], s.at)
	}
	a.head.mu.Unlock()
	for _, s := range a.samples {
		if s.refused && s.isReport() {
			a.takeOver()
			return nil
		}
	}
	a.head.out.put(a.samples)
	return nil
}

// takeOver puts what is left of the end of a loop when another has taken over its target.
func (a *headAppender) takeOver() {
	up := slices.IndexFunc(a.samples, func(s sample) bool { return s.name() == "up" && s.isReport() })
	target, at := a.samples[up].target(), a.samples[up].at
	left := slices.DeleteFunc(a.samples, func(s sample) bool { return s.refused })
	if len(left) > 0 {
		a.head.out.keep(target, at, left)
	}
}

func (a *headAppender) Rollback() error {
	a.samples = nil
	return nil
}

// promServer is Prometheus' scrape manager.
type promServer struct {
	*promscrape.Manager
	head   *head
	groups chan map[string][]*targetgroup.Group
	stop   func() error
}

func startPrometheus(t *testing.T, cfg *promconfig.Config, starts bool) *promServer {
	t.Helper()
	p := &promServer{head: newHead(), groups: make(chan map[string][]*targetgroup.Group)}
	var err error
	p.Manager, err = promscrape.NewManager(&promscrape.Options{
		DiscoveryReloadInterval: model.Duration(5 * time.Millisecond), DiscoveryReloadOnStartup: true,
		ParseST: starts, AppendMetadata: true,
	}, nil, nil, nil, p.head, prometheus.NewRegistry())
	require.NoError(t, err)
	require.NoError(t, p.ApplyConfig(cfg))
	ran := make(chan error, 1)
	go func() { ran <- p.Run(p.groups) }()
	p.stop = sync.OnceValue(func() error {
		p.Stop()
		return <-ran
	})
	t.Cleanup(func() { require.NoError(t, p.stop()) })
	return p
}

func (p *promServer) discovered(groups map[string][]*targetgroup.Group) { p.groups <- groups }
