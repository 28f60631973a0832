package prometheusscrapereceiver

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	promcommon "github.com/prometheus/common/config"
	promhttp "github.com/prometheus/prometheus/discovery/http"
	"go.opentelemetry.io/collector/config/confighttp"
)

// TargetAllocatorConfig is the client of a target allocator, such as the OpenTelemetry operator's.
type TargetAllocatorConfig struct {
	// ClientConfig is the HTTP client; endpoint is the URL of the allocator.
	ClientConfig confighttp.ClientConfig `mapstructure:",squash"`

	// Interval is how often jobs are asked for. Default: 30s.
	Interval time.Duration `mapstructure:"interval"`

	// CollectorID is the name by which the allocator knows this collector. It must be given.
	CollectorID string `mapstructure:"collector_id"`

	// HTTPSD is Prometheus' http_sd_config: how the targets of a job are asked for. Its url has no effect. Defaults:
	// Prometheus', but refresh_interval 30s.
	HTTPSD Section `mapstructure:"http_sd_config"`

	// HTTPScrape holds the HTTP client settings of a Prometheus job. It replaces those of the jobs. Default: none.
	HTTPScrape Section `mapstructure:"http_scrape_config"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// defaultTargetAllocator leaves connections to the transport's own defaults, as contrib does.
func defaultTargetAllocator() TargetAllocatorConfig {
	client := confighttp.NewDefaultClientConfig()
	client.MaxIdleConns, client.IdleConnTimeout, client.ForceAttemptHTTP2 = 0, 0, false
	return TargetAllocatorConfig{ClientConfig: client, Interval: 30 * time.Second}
}

func (c *Config) validateTargetAllocator() error {
	if !c.TargetAllocator.HasValue() {
		return nil
	}
	t := c.TargetAllocator.Get()
	_, sd := t.sd()
	_, scrape := t.scrapeClient()
	return errors.Join(t.validateEndpoint(), t.validateID(), t.validateInterval(), sd, scrape)
}

func (t *TargetAllocatorConfig) validateEndpoint() error {
	u, err := url.ParseRequestURI(t.ClientConfig.Endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("`target_allocator::endpoint` must be a URL such as http://allocator:80, got %q", t.ClientConfig.Endpoint)
	}
	return nil
}

func (t *TargetAllocatorConfig) validateID() error {
	if t.CollectorID == "" || strings.Contains(t.CollectorID, "${") {
		return fmt.Errorf("`target_allocator::collector_id` must be the name of this collector, got %q", t.CollectorID)
	}
	return nil
}

func (t *TargetAllocatorConfig) validateInterval() error {
	if t.Interval <= 0 {
		return fmt.Errorf("`target_allocator::interval` must be positive, got %v", t.Interval)
	}
	return nil
}

// sd is how targets are asked for; its URL stands for those of the jobs.
func (t *TargetAllocatorConfig) sd() (*promhttp.SDConfig, error) {
	const key = "target_allocator::http_sd_config"
	cfg := promhttp.DefaultSDConfig
	section := t.HTTPSD.with("url", "http://placeholder")
	if section.values["refresh_interval"] == nil {
		section.values["refresh_interval"] = "30s"
	}
	if err := section.into(&cfg); err != nil {
		return nil, fmt.Errorf("`%s`: %w", key, err)
	}
	return &cfg, checkClientFiles(key, &cfg.HTTPClientConfig)
}

// scrapeClient is nil when the jobs keep their own.
func (t *TargetAllocatorConfig) scrapeClient() (*promcommon.HTTPClientConfig, error) {
	if !t.HTTPScrape.given() {
		return nil, nil //nolint:nilnil // none is given
	}
	const key = "target_allocator::http_scrape_config"
	var cfg promcommon.HTTPClientConfig
	if err := t.HTTPScrape.into(&cfg); err != nil {
		return nil, fmt.Errorf("`%s`: %w", key, err)
	}
	return &cfg, checkClientFiles(key, &cfg)
}
