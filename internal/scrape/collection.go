package scrape

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Collection is a target in this process: a function, or what client_golang gathers.
type Collection struct {
	// Collect returns metrics in OTLP, which are passed on as they are. It must heed its context.
	Collect func(context.Context) (pmetric.Metrics, error)
	// Gatherer is asked if there is no Collect. What it gathers is treated like a page.
	Gatherer prometheus.Gatherer
	// Interval is the time between collections, Timeout how long one may take; 0 means what the configuration says.
	Interval, Timeout time.Duration
	// Labels are added to job and instance.
	Labels map[string]string
}

// collected is the getter of a collection.
type collected struct {
	Collection
	metrics pmetric.Metrics
}

// job is the job that the collection is like.
func (c Collection) job(name string, global promconfig.GlobalConfig) (*promconfig.ScrapeConfig, error) {
	cfg := promconfig.DefaultScrapeConfig
	cfg.JobName = name
	cfg.ScrapeInterval, cfg.ScrapeTimeout = model.Duration(c.Interval), model.Duration(c.Timeout)
	if err := cfg.Validate(global); err != nil {
		return nil, fmt.Errorf("collection %q: %w", name, err)
	}
	return &cfg, nil
}

// groups holds the one target of the collection.
func (c Collection) groups(name string) []*targetgroup.Group {
	own := model.LabelSet{model.AddressLabel: model.LabelValue(name), model.SchemeLabel: "process"}
	for k, v := range c.Labels {
		own[model.LabelName(k)] = model.LabelValue(v)
	}
	return []*targetgroup.Group{{Source: name, Targets: []model.LabelSet{own}}}
}

// Fetch collects. A panic of the function is its failure, not the collector's.
func (c *collected) Fetch(ctx context.Context, body *Body) (contentType string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the collection panicked: %v", p)
		}
	}()
	if c.Collect != nil {
		md, err := c.Collect(ctx)
		if err == nil {
			c.metrics = md
		}
		return "", err
	}
	families, err := c.Gatherer.Gather()
	if err != nil {
		return "", err
	}
	format := expfmt.NewFormat(expfmt.TypeProtoDelim)
	enc := expfmt.NewEncoder(body, format)
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			return "", err
		}
	}
	return string(format), ctx.Err()
}
