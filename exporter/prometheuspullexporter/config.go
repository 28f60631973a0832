package prometheuspullexporter

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/confmap"

	"github.com/sluice-metrics/sluice/internal/httpserve"
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

	// TranslationStrategy says how names become Prometheus names: UnderscoreEscapingWithSuffixes,
	// UnderscoreEscapingWithoutSuffixes, NoUTF8EscapingWithSuffixes or NoTranslation.
	// Default: "UnderscoreEscapingWithSuffixes".
	TranslationStrategy otlptranslator.TranslationStrategyOption `mapstructure:"translation_strategy"`

	// WithoutScopeInfo leaves out the otel_scope_* labels. Default: false.
	WithoutScopeInfo bool `mapstructure:"without_scope_info"`

	// WithoutTargetInfo leaves out target_info. Default: false.
	WithoutTargetInfo bool `mapstructure:"without_target_info"`

	// MetricExpiration is how long a series without a new point stays on the page; 0 keeps it for ever.
	// Default: 5m.
	MetricExpiration time.Duration `mapstructure:"metric_expiration"`

	// MaxSeries bounds the number of series held; 0 means no bound. Default: 1000000.
	MaxSeries int `mapstructure:"max_series"`

	// SendTimestamps writes the time of each point on the page. Default: false.
	SendTimestamps bool `mapstructure:"send_timestamps"`

	// MaxConcurrentScrapes bounds the scrapes answered at once, further ones get status 503; 0 means no bound.
	// Default: 5.
	MaxConcurrentScrapes int `mapstructure:"max_concurrent_scrapes"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Validate reports all problems at once.
func (c *Config) Validate() error {
	return errors.Join(
		httpserve.ValidateEndpoint(&c.ServerConfig),
		validatePath(c.MetricsPath),
		validateStrategy(c.TranslationStrategy),
		notNegative("metric_expiration", c.MetricExpiration),
		notNegative("max_series", c.MaxSeries),
		notNegative("max_concurrent_scrapes", c.MaxConcurrentScrapes),
	)
}

// validatePath refuses what net/http's patterns give a meaning of their own or clients rewrite.
func validatePath(p string) error {
	switch {
	case !strings.HasPrefix(p, "/"):
		return fmt.Errorf("`metrics_path` must begin with \"/\", got %q", p)
	case strings.ContainsAny(p, "{}?#% \t\r\n") || path.Clean(p) != p:
		return fmt.Errorf("`metrics_path` must be a plain path without trailing \"/\", got %q", p)
	default:
		return nil
	}
}

func validateStrategy(s otlptranslator.TranslationStrategyOption) error {
	switch s {
	case otlptranslator.UnderscoreEscapingWithSuffixes, otlptranslator.UnderscoreEscapingWithoutSuffixes,
		otlptranslator.NoUTF8EscapingWithSuffixes, otlptranslator.NoTranslation:
		return nil
	default:
		return fmt.Errorf("`translation_strategy` is unknown: %q", s)
	}
}

func notNegative[T int | time.Duration](key string, value T) error {
	if value < 0 {
		return fmt.Errorf("`%s` must not be negative, got %v", key, value)
	}
	return nil
}
