package pushgatewayexporter

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/units"
	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/config/configcompression"
)

const (
	methodPut  = "put"
	methodPost = "post"

	labelJob = "job"
)

func validateEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return fmt.Errorf("`endpoint` must be a URL: %w", err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("`endpoint` must be a URL such as \"http://pushgateway:9091\", got %q", endpoint)
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("`endpoint` must be a URL without query and fragment, got %q", endpoint)
	default:
		return nil
	}
}

// validateCompression allows what a Pushgateway can undo; it reads the bytes of any other as they are.
func validateCompression(c configcompression.Type) error {
	switch c {
	case configcompression.TypeGzip, "", "none":
		return nil
	default:
		return fmt.Errorf("`compression` must be \"gzip\" or \"none\", got %q", c)
	}
}

func (c *Config) validateLabels() error {
	var errs []error
	if c.Job == (LabelConfig{}) {
		errs = append(errs, errors.New("`job` must have an `attribute`, a `value` or a `default`"))
	}
	errs = append(errs, c.Job.validate("job"))
	for _, name := range slices.Sorted(maps.Keys(c.Grouping)) {
		l := c.Grouping[name]
		errs = append(errs, c.validateLabelName(name), l.validate("grouping::"+name))
		if l == (LabelConfig{}) {
			errs = append(errs, fmt.Errorf("`grouping::%s` must have an `attribute`, a `value` or a `default`", name))
		}
	}
	return errors.Join(errs...)
}

// validate refuses what would make a gateway answer each scrape with an error.
func (l *LabelConfig) validate(key string) error {
	if !utf8.ValidString(l.Value) || !utf8.ValidString(l.Default) {
		return fmt.Errorf("`%s` must be UTF-8", key)
	}
	return nil
}

func (c *Config) validateLabelName(name string) error {
	valid := model.LegacyValidation
	if !c.strategy().ShouldEscape() {
		valid = model.UTF8Validation
	}
	switch {
	case !valid.IsValidLabelName(name):
		return fmt.Errorf("`grouping` must not hold %q: it is no label name under `translation_strategy` %q", name, c.strategy())
	case name == labelJob:
		return errors.New("`grouping` must not hold \"job\": that is the key `job`")
	case name == "le", name == "quantile", strings.HasPrefix(name, "__"), strings.HasPrefix(name, "otel_scope_"):
		return fmt.Errorf("`grouping` must not hold %q: the name is reserved", name)
	default:
		return nil
	}
}

func (c *Config) validateRetry() error {
	if !c.Retry.Enabled {
		return nil
	}
	return errors.Join(
		positive("retry::initial_interval", c.Retry.InitialInterval),
		positive("retry::max_interval", c.Retry.MaxInterval),
	)
}

func (b *CircuitBreakerConfig) validate() error {
	if !b.Enabled {
		return nil
	}
	errs := []error{
		positive("circuit_breaker::failure_threshold", b.FailureThreshold),
		positive("circuit_breaker::timeout", b.Timeout),
	}
	if b.MaxTimeout < b.Timeout {
		errs = append(errs, fmt.Errorf("`circuit_breaker::max_timeout` must be at least `circuit_breaker::timeout`, got %v", b.MaxTimeout))
	}
	return errors.Join(errs...)
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

type number interface {
	int | float64 | time.Duration | units.Base2Bytes
}

func notNegative[T number](key string, value T) error {
	if value < 0 || value != value { //nolint:gocritic // NaN is neither
		return fmt.Errorf("`%s` must not be negative, got %v", key, value)
	}
	return nil
}

func positive[T number](key string, value T) error {
	if value <= 0 {
		return fmt.Errorf("`%s` must be positive, got %v", key, value)
	}
	return nil
}

func atLeast(key string, value, least time.Duration) error {
	if value < least {
		return fmt.Errorf("`%s` must be at least %v, got %v", key, least, value)
	}
	return nil
}

func oneOf(key, value string, known ...string) error {
	if slices.Contains(known, value) {
		return nil
	}
	return fmt.Errorf("`%s` must be one of %q, got %q", key, known, value)
}
