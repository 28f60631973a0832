package prometheusscrapereceiver

import (
	"errors"
	"time"

	"github.com/alecthomas/units"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
)

var _ confmap.Validator = (*Config)(nil)

// Config configures the receiver.
type Config struct {
	// Prometheus is a Prometheus configuration. Sections that say nothing about scraping have no effect. Default: none.
	Prometheus Section `mapstructure:"config"`

	// ConfigFile names a Prometheus configuration file. It is read as it stands and again when it changes. Default: none.
	ConfigFile string `mapstructure:"config_file"`

	// ConfigFilePollInterval is how often config_file, and the files of its scrape_config_files, are looked at; 0 means
	// never again. Default: 5s.
	ConfigFilePollInterval time.Duration `mapstructure:"config_file_poll_interval"`

	// TargetAllocator says which jobs and targets are this collector's. Default: none.
	TargetAllocator configoptional.Optional[TargetAllocatorConfig] `mapstructure:"target_allocator"`

	// Shard is the part of the targets that is scraped. Default: all.
	Shard ShardConfig `mapstructure:"shard"`

	// Strict refuses OpenMetrics pages that break a rule of the standard, also one that Prometheus does not check.
	// Default: false.
	Strict bool `mapstructure:"strict"`

	// MaxBodyMemory bounds the bytes of all pages that are being read at one time; 0 means no bound. Default: 512MiB.
	MaxBodyMemory units.Base2Bytes `mapstructure:"max_body_memory"`

	// RateLimit bounds the requests of the receiver. Default: none.
	RateLimit RateLimitConfig `mapstructure:"rate_limit"`

	// JobRateLimit bounds the requests of each job. Default: none.
	JobRateLimit RateLimitConfig `mapstructure:"job_rate_limit"`

	// TargetRateLimit bounds the requests to each target. Default: none.
	TargetRateLimit RateLimitConfig `mapstructure:"target_rate_limit"`

	// MaxConcurrency bounds the scrapes under way, in which jobs have their turns; 0 means no bound. Default: 0.
	MaxConcurrency int `mapstructure:"max_concurrency"`

	// CircuitBreaker leaves targets alone that fail. Default: disabled.
	CircuitBreaker CircuitBreakerConfig `mapstructure:"circuit_breaker"`

	// Backpressure says what is done when the pipeline cannot keep up. Default: none: what it refuses is lost, and the next
	// scrape comes in time.
	Backpressure configoptional.Optional[BackpressureConfig] `mapstructure:"backpressure"`

	// BatchSize is the most data points of a batch; 0 means that the page of a target is one batch. Default: 0.
	BatchSize int `mapstructure:"batch_size"`

	// Jobs are limits of jobs by their job_name. Default: none.
	Jobs map[string]JobConfig `mapstructure:"jobs"`

	// TrimMetricSuffixes takes units and _total off the names of metrics. Default: false.
	TrimMetricSuffixes bool `mapstructure:"trim_metric_suffixes"`

	// ScrapeOnShutdown scrapes all targets once more before the receiver stops. Default: false.
	ScrapeOnShutdown bool `mapstructure:"scrape_on_shutdown"`

	// DiscoveryReloadOnStartup has no effect: the first targets are always taken at once. Default: false.
	DiscoveryReloadOnStartup bool `mapstructure:"discovery_reload_on_startup"`

	// InitialScrapeOffset is added to the time before the first scrape of each target. Default: 0.
	InitialScrapeOffset time.Duration `mapstructure:"initial_scrape_offset"`

	// APIServer serves what Prometheus' HTTP API tells of targets and configuration. Default: disabled.
	APIServer APIServerConfig `mapstructure:"api_server"`

	// FallbackToText makes PrometheusText0.0.4 the fallback_scrape_protocol of jobs that give none. It has no key: it is
	// where a component that is this one under another name may differ. Default: false, as in Prometheus.
	FallbackToText bool `mapstructure:"-"`

	// Collections are jobs in Go, by their names. They have no key: programs that embed the receiver set them.
	Collections map[string]Collection `mapstructure:"-"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Validate reports all problems at once.
func (c *Config) Validate() error {
	return errors.Join(
		c.validateSources(),
		c.validatePrometheus(),
		notNegative("config_file_poll_interval", c.ConfigFilePollInterval),
		c.validateTargetAllocator(),
		c.Shard.validate(),
		notNegative("max_body_memory", c.MaxBodyMemory),
		notNegative("initial_scrape_offset", c.InitialScrapeOffset),
		c.APIServer.validate(),
		c.validateProtection(),
	)
}
