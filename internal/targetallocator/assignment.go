package targetallocator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
)

// Assignment is which collector scrapes which targets of one job.
type Assignment struct {
	// Targets are each collector's, with __address__ and their other labels before relabelling.
	Targets map[string][]model.LabelSet
	self    string
	at      map[model.LabelValue][]owned
}

type owned struct {
	collector string
	labels    model.LabelSet
}

// Assigned asks for the targets of a job of all collectors. It tells a target that has moved to another collector, whose
// series go on there, from one that is gone, whose series end.
//
// This is known of the operator's allocator: a target is in the list of one collector at most, and its labels are the
// same there as in the collector's own list; a collector without targets is listed; an unknown job is answered as one
// without targets; the list is put together for each question ("relatively expensive"), so ask when targets have gone
// and not at each refresh.
//
// This is not known: whether the other collector has seen the list and scrapes yet (it asks each refresh_interval, so
// the series may pause as long), whether it is alive (allocators list collectors that are not ready), or gives the
// series the same resource. An allocator that has just started has no targets or no collectors, and says the same as one
// whose targets have all gone: see Empty. Of several replicas each decides for itself, and they may differ for a while.
// Other allocators may not have this list: after an error do as if there were no allocator.
func (c *Client) Assigned(ctx context.Context, job string) (*Assignment, error) {
	address := c.targetsURL(job)
	text, err := c.get(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("target allocator: job %q: %w", job, err)
	}
	a := &Assignment{self: c.opts.CollectorID, Targets: map[string][]model.LabelSet{}, at: map[model.LabelValue][]owned{}}
	if err := a.read(text); err != nil {
		return nil, fmt.Errorf("target allocator: job %q: %s: %w", job, redacted(address), err)
	}
	return a, nil
}

func (a *Assignment) read(text []byte) error {
	var lists map[string]struct {
		Targets []struct {
			Targets []model.LabelValue `json:"targets"`
			Labels  model.LabelSet     `json:"labels"`
		} `json:"targets"`
	}
	if err := json.Unmarshal(text, &lists); err != nil {
		return fmt.Errorf("targets of each collector were expected: %w", err)
	}
	for collector, list := range lists {
		a.Targets[collector] = nil
		for _, group := range list.Targets {
			for _, address := range group.Targets {
				a.add(collector, address, group.Labels)
			}
		}
	}
	return nil
}

func (a *Assignment) add(collector string, address model.LabelValue, labels model.LabelSet) {
	target := labels.Clone()
	target[model.AddressLabel] = address
	a.Targets[collector] = append(a.Targets[collector], target)
	a.at[address] = append(a.at[address], owned{collector, target})
}

// Collectors are the names of all collectors the allocator knows. One that is not among them gets no targets.
func (a *Assignment) Collectors() []string { return slices.Sorted(maps.Keys(a.Targets)) }

// Empty is whether no collector has a target.
func (a *Assignment) Empty() bool { return len(a.at) == 0 }

// Owner returns the collector that a target is given to. The labels are those before relabelling; what Prometheus adds
// to what was discovered may be among them. All others must be the same: a target whose labels have changed is another
// one, even if relabelling drops them. To compare what remains after relabelling, use Targets.
func (a *Assignment) Owner(target model.LabelSet) (collector string, ok bool) {
	for _, o := range a.at[target[model.AddressLabel]] {
		if same(o.labels, target) {
			return o.collector, true
		}
	}
	return "", false
}

// Elsewhere is whether a target is given to another collector than this one.
func (a *Assignment) Elsewhere(target model.LabelSet) bool {
	collector, ok := a.Owner(target)
	return ok && collector != a.self
}

// same compares a listed target with a discovered one. A label without a value is as good as none.
func same(listed, discovered model.LabelSet) bool {
	for name, value := range listed {
		if discovered[name] != value {
			return false
		}
	}
	for name, value := range discovered {
		if listed[name] != value && !added(name) {
			return false
		}
	}
	return true
}

// added is whether Prometheus adds such a label to a target of its own: http_sd says where it asked, and a job has
// defaults for its targets.
func added(name model.LabelName) bool {
	switch name {
	case model.MetaLabelPrefix + "url", model.JobLabel, model.SchemeLabel, model.MetricsPathLabel,
		model.ScrapeIntervalLabel, model.ScrapeTimeoutLabel:
		return true
	default:
		return strings.HasPrefix(string(name), model.ParamLabelPrefix)
	}
}
