package targetallocator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	promconfig "github.com/prometheus/prometheus/config"
)

// answer is what the last list of jobs came to.
type answer struct {
	text []byte
	// jobs also has those that were good once and whose newest form is bad.
	jobs map[string]*job
	list []*promconfig.ScrapeConfig
	err  error
}

// Jobs asks for the jobs of all collectors, in the order of their names. Each finds this collector's targets by http_sd.
//
// When jobs is nil nothing is known, err says why, and what runs should go on. Otherwise err names the jobs of the
// answer that are bad: they are not in the list or, if they were good before, as they were. It also names jobs in which
// the allocator has hidden a secret; these are in the list.
//
// changed is whether jobs or err differ from the last answer that was read. A job that is as it was is the same pointer
// as before, so nobody may change one.
func (c *Client) Jobs(ctx context.Context) (jobs []*promconfig.ScrapeConfig, changed bool, err error) {
	address := c.opts.Endpoint + "/scrape_configs"
	text, err := c.get(ctx, address)
	if err != nil {
		return nil, false, fmt.Errorf("target allocator: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && bytes.Equal(c.last.text, text) {
		return slices.Clone(c.last.list), false, c.last.err
	}
	next, err := c.parse(text)
	if err != nil {
		return nil, false, fmt.Errorf("target allocator: %s: %w", redacted(address), err)
	}
	c.last = next
	return slices.Clone(next.list), true, next.err
}

func (c *Client) parse(text []byte) (*answer, error) {
	sections, err := readSections(bytes.ReplaceAll(text, []byte("$(SHARD)"), []byte(c.opts.Shard)))
	if err != nil {
		return nil, err
	}
	next := &answer{text: text, jobs: map[string]*job{}, list: []*promconfig.ScrapeConfig{}}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		j, err := c.job(name, sections[name])
		if j != nil {
			next.jobs[name] = j
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("target allocator: job %q: %w", name, err))
		}
	}
	next.err = errors.Join(append(errs, next.collect()...)...)
	return next, nil
}

// collect lists the jobs. The names of scrape_configs are their own, so that two may have the same.
func (a *answer) collect() (errs []error) {
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(a.jobs)) {
		cfg := a.jobs[name].cfg
		if other, twice := seen[cfg.JobName]; twice {
			errs = append(errs, fmt.Errorf("target allocator: job %q: `job_name` %q is that of job %q too",
				name, cfg.JobName, other))
			continue
		}
		seen[cfg.JobName] = name
		a.list = append(a.list, cfg)
	}
	return errs
}
