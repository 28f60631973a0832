package prometheuspullexporter

import (
	"cmp"
	"errors"
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"

	"github.com/sluice-metrics/sluice/internal/exposition"
	"github.com/sluice-metrics/sluice/internal/httpserve"
)

const (
	// minExpiration and expirationIntervals give the default of metric_expiration: what is sent and scraped rarely must
	// outlive the time between.
	minExpiration       = 5 * time.Minute
	expirationIntervals = 5
)

var _ confmap.Validator = (*Config)(nil)

// Config configures the exporter.
type Config struct {
	// ServerConfig is the HTTP server. Defaults that differ from confighttp's: endpoint "localhost:9464",
	// read_header_timeout 10s, write_timeout 60s (the whole answer to one scrape, so it must cover the slowest),
	// idle_timeout 3m (longer than usual scrape intervals, so that connections are reused).
	ServerConfig confighttp.ServerConfig `mapstructure:",squash"`

	// MetricsPath is the path of the page. Default: "/metrics".
	MetricsPath string `mapstructure:"metrics_path"`

	// Pages are further pages, which show a part of the metrics. Default: none.
	Pages []PageConfig `mapstructure:"pages"`

	// TranslationStrategy says how names become Prometheus names: UnderscoreEscapingWithSuffixes,
	// UnderscoreEscapingWithoutSuffixes, NoUTF8EscapingWithSuffixes or NoTranslation.
	// Default: "UnderscoreEscapingWithSuffixes".
	TranslationStrategy otlptranslator.TranslationStrategyOption `mapstructure:"translation_strategy"`

	// Namespace goes before the name of every metric but target_info, with "_" between. Default: none.
	Namespace string `mapstructure:"namespace"`

	// ConstLabels are on every series. Default: none.
	ConstLabels map[string]string `mapstructure:"const_labels"`

	// ResourceLabels says which resource attributes become labels of every series. Default: none.
	ResourceLabels ResourceLabels `mapstructure:"resource_labels"`

	// WithoutScopeInfo leaves out the otel_scope_* labels. Default: false.
	WithoutScopeInfo bool `mapstructure:"without_scope_info"`

	// WithoutTargetInfo leaves out target_info. Default: false.
	WithoutTargetInfo bool `mapstructure:"without_target_info"`

	// EnableOpenMetrics offers OpenMetrics to scrapers, where the strategy gives names the suffixes it demands.
	// Default: true.
	EnableOpenMetrics bool `mapstructure:"enable_open_metrics"`

	// ExponentialHistogramsInText says what becomes of exponential histograms in text and OpenMetrics, which have no form
	// for them: "classic" (buckets that are powers of two) or "drop". Default: "classic".
	ExponentialHistogramsInText string `mapstructure:"exponential_histograms_in_text"`

	// SendTimestamps writes the time of each point on the page. Default: false.
	SendTimestamps bool `mapstructure:"send_timestamps"`

	// ScrapeInterval is how often a scrape is expected, at most 168h. After three without one a warning is logged; 0 means
	// never. Default: 1m.
	ScrapeInterval time.Duration `mapstructure:"scrape_interval"`

	// MetricExpiration is how long a series without a new point stays on the page; 0 keeps it for ever.
	// Default: five times scrape_interval, at least 5m.
	MetricExpiration configoptional.Optional[time.Duration] `mapstructure:"metric_expiration"`

	// MaxSeries bounds the number of series held; 0 means no bound. Default: 1000000.
	MaxSeries int `mapstructure:"max_series"`

	// MaxMemory bounds the bytes that the series held take; 0 means no bound. Default: 1GiB.
	MaxMemory units.Base2Bytes `mapstructure:"max_memory"`

	// MaxConcurrentScrapes bounds the scrapes answered at once, further ones get status 503; 0 means no bound.
	// Default: 5.
	MaxConcurrentScrapes int `mapstructure:"max_concurrent_scrapes"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Validate reports all problems at once.
func (c *Config) Validate() error {
	_, names := c.names()
	return errors.Join(
		httpserve.ValidateEndpoint(&c.ServerConfig),
		c.validatePaths(),
		validateStrategy(c.strategy()),
		names,
		c.ResourceLabels.validate(),
		validateInText(c.ExponentialHistogramsInText),
		notNegative("scrape_interval", c.ScrapeInterval),
		notLong("scrape_interval", c.ScrapeInterval),
		notNegative("metric_expiration", c.expiration()),
		notNegative("max_series", c.MaxSeries),
		notNegative("max_memory", c.MaxMemory),
		notNegative("max_concurrent_scrapes", c.MaxConcurrentScrapes),
	)
}

func (c *Config) strategy() otlptranslator.TranslationStrategyOption {
	return cmp.Or(c.TranslationStrategy, otlptranslator.UnderscoreEscapingWithSuffixes)
}

func (c *Config) expiration() time.Duration {
	if c.MetricExpiration.HasValue() {
		return *c.MetricExpiration.Get()
	}
	return max(minExpiration, expirationIntervals*c.ScrapeInterval)
}

// options are what the engine needs to know.
func (c *Config) options() (exposition.Options, error) {
	n, err := c.names()
	return exposition.Options{
		Strategy:              c.strategy(),
		Namespace:             n.namespace,
		ConstLabels:           n.constLabels,
		ResourceLabels:        c.ResourceLabels.matcher(),
		WithoutScopeInfo:      c.WithoutScopeInfo,
		WithoutTargetInfo:     c.WithoutTargetInfo,
		DropExponentialInText: c.ExponentialHistogramsInText == inTextDrop,
		SendTimestamps:        c.SendTimestamps,
		Expiration:            c.expiration(),
		MaxSeries:             c.MaxSeries,
		MaxMemory:             int64(c.MaxMemory),
	}, err
}
