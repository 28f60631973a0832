package scrape

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	promscrape "github.com/prometheus/prometheus/scrape"

	"github.com/sluice-metrics/sluice/internal/promotlp"
)

// target is an endpoint to scrape. It does not change.
type target struct {
	// labels are all that relabelling leaves, public those that series get.
	labels, public labels.Labels
	// discovered are the labels before relabelling.
	discovered labels.Labels
	url        string
	page       promotlp.Target

	interval, timeout time.Duration
	// priority is of the targets of a job, the higher the longer it is scraped when the budget is short.
	priority int
	// hash tells targets of a job apart; it is the same in each process.
	hash uint64
}

// targets makes targets of groups. Those that relabelling drops are returned by their labels before it.
func targets(groups []*targetgroup.Group, cfg *promconfig.ScrapeConfig) (kept []*target, dropped []labels.Labels, errs []error) {
	b := labels.NewBuilder(labels.EmptyLabels())
	for _, group := range groups {
		for i, of := range group.Targets {
			lset, err := promscrape.PopulateLabels(b, cfg, of, group.Labels)
			if err != nil {
				errs = append(errs, fmt.Errorf("target %d of group %s: %w", i, group, err))
				continue
			}
			t, err := newTarget(lset, cfg, of, group.Labels)
			switch {
			case err != nil:
				errs = append(errs, fmt.Errorf("target %d of group %s: %w", i, group, err))
			case t.public.IsEmpty():
				dropped = append(dropped, t.discovered)
			default:
				kept = append(kept, t)
			}
		}
	}
	return kept, dropped, errs
}

func newTarget(lset labels.Labels, cfg *promconfig.ScrapeConfig, own, group model.LabelSet) (*target, error) {
	from := promscrape.NewTarget(lset, cfg, own, group)
	b := labels.NewBuilder(labels.EmptyLabels())
	t := &target{labels: lset, public: from.Labels(b), discovered: from.DiscoveredLabels(b)}
	if t.public.IsEmpty() {
		return t, nil
	}
	u := from.URL()
	t.url = u.String()
	t.page = promotlp.Target{Labels: t.public, URL: u, Discovered: t.discovered}
	t.hash = t.identity()
	interval, err := model.ParseDuration(lset.Get(model.ScrapeIntervalLabel))
	if err != nil {
		return nil, err
	}
	timeout, err := model.ParseDuration(lset.Get(model.ScrapeTimeoutLabel))
	if err != nil {
		return nil, err
	}
	t.interval, t.timeout = time.Duration(interval), time.Duration(timeout)
	t.priority, err = priorityOf(lset)
	return t, err
}

// labelPriority is set by relabelling.
const labelPriority = "__scrape_priority__"

func priorityOf(lset labels.Labels) (int, error) {
	text := lset.Get(labelPriority)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s must be a whole number, got %q", labelPriority, text)
	}
	return n, nil
}

// identity is the hash of Target.hash in prometheus/prometheus.
func (t *target) identity() uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%016d", t.labels.Hash())
	_, _ = h.Write([]byte(t.url))
	return h.Sum64()
}

// offset is how long after now the target's turn comes, the same moment of each interval, whoever asks. Source:
// Target.offset of prometheus/prometheus.
func (t *target) offset(now time.Time, seed uint64) time.Duration {
	interval := int64(t.interval)
	next := interval - now.UnixNano()%interval + int64((t.hash^seed)%uint64(interval))
	if next > interval {
		next -= interval
	}
	return time.Duration(next)
}

// flag reads a label that relabelling may have set, and that overrules the configuration.
func (t *target) flag(name string, otherwise bool) bool {
	if v, err := strconv.ParseBool(t.labels.Get(name)); err == nil {
		return v
	}
	return otherwise
}

// redactedURL has no values of parameters: they may be secrets.
func (t *target) redactedURL() string { return redactedURL(t.page.URL) }

// redacted hides the labels that hold parameters of requests.
func redacted(lset labels.Labels) labels.Labels {
	b := labels.NewBuilder(lset)
	lset.Range(func(l labels.Label) {
		if strings.HasPrefix(l.Name, model.ParamLabelPrefix) {
			b.Set(l.Name, hidden)
		}
	})
	return b.Labels()
}
