package targetallocator

import (
	"errors"
	"net/url"
	"reflect"
	"slices"

	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
)

// job is one scrape_config, as it came and as it is used.
type job struct {
	plain any
	cfg   *promconfig.ScrapeConfig
}

// hidden is what Prometheus writes in place of a secret. The operator's allocator tells secrets over TLS only.
const hidden = "<secret>"

var errHidden = errors.New("a secret is hidden as `<secret>`: allocators tell secrets over TLS only")

// job returns the job that is in force: the last good one with an error when the new one is bad.
func (c *Client) job(name string, s *section) (*job, error) {
	var last *job
	if c.last != nil {
		last = c.last.jobs[name]
	}
	next, err := c.settle(name, s, last)
	if err != nil {
		return last, err
	}
	if c.opts.Scrape == nil && hides(next.plain) {
		err = errHidden
	}
	return next, err
}

func (c *Client) settle(name string, s *section, last *job) (*job, error) {
	if s == nil {
		return nil, errors.New("the section is empty")
	}
	if s.err != nil {
		return nil, s.err
	}
	if last != nil && reflect.DeepEqual(last.plain, s.plain) {
		return last, nil
	}
	return &job{s.plain, s.cfg}, c.complete(name, s.cfg)
}

// complete adds what this collector knows, and checks all.
func (c *Client) complete(name string, cfg *promconfig.ScrapeConfig) error {
	if c.opts.Scrape != nil {
		cfg.HTTPClientConfig = *c.opts.Scrape
	}
	if cfg.ScrapeFallbackProtocol == "" {
		cfg.ScrapeFallbackProtocol = promconfig.PrometheusText0_0_4
	}
	sd := c.opts.SD
	sd.URL = c.targetsURL(name) + "?collector_id=" + url.QueryEscape(c.opts.CollectorID)
	cfg.ServiceDiscoveryConfigs = discovery.Configs{&sd}
	return cfg.Validate(c.opts.Global)
}

func hides(v any) bool {
	switch v := v.(type) {
	case string:
		return v == hidden
	case []any:
		return slices.ContainsFunc(v, hides)
	case map[any]any:
		for _, e := range v {
			if hides(e) {
				return true
			}
		}
	}
	return false
}
