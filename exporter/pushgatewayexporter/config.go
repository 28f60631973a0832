package pushgatewayexporter

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/confmap"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/exposition"
	"github.com/sluice-metrics/sluice/internal/limiter"
	"github.com/sluice-metrics/sluice/internal/pushgroup"
)

const (
	// minExpiration and expirationIntervals give the default of metric_expiration.
	minExpiration       = 5 * time.Minute
	expirationIntervals = 5
)

var (
	_ confmap.Validator   = (*Config)(nil)
	_ confmap.Unmarshaler = (*Config)(nil)
)

// Config configures the exporter.
type Config struct {
	// ClientConfig is the HTTP client. Defaults that differ from confighttp's: endpoint "http://localhost:9091", with the
	// route prefix of the gateway if it has one; timeout 30s, for one request and for what Shutdown has to do; compression
	// "gzip".
	ClientConfig confighttp.ClientConfig `mapstructure:",squash"`

	// Job is the label that each group has. Default: {attribute: service.name, default: unknown_service}; of service.name the
	// service.namespace is a part, with "/" between, as it is of the job of the pull exporter.
	Job LabelConfig `mapstructure:"job"`

	// Grouping are the further labels of groups; what is given replaces the default. A label without a value is left out.
	// Default: {instance: {attribute: service.instance.id}}.
	Grouping map[string]LabelConfig `mapstructure:"grouping"`

	// Method is "put", which makes a group what is pushed, or "post", which leaves what else others have pushed to it.
	// Default: "put".
	Method string `mapstructure:"method"`

	// PushInterval is how often a group is pushed at most; it is when it has changed. At least 100ms. Default: 30s.
	PushInterval time.Duration `mapstructure:"push_interval"`

	// OnShutdown says what becomes of groups at the end: "final_push" pushes what has changed, "delete" deletes all groups,
	// "keep" leaves them as they were last pushed. Default: "final_push".
	OnShutdown string `mapstructure:"on_shutdown"`

	// GroupTTL is after how long without a point a group is deleted from the gateway; 0 means never, but one whose last series
	// has gone is deleted anyway. Default: 0.
	GroupTTL time.Duration `mapstructure:"group_ttl"`

	// MetricExpiration is how long a series without a new point is pushed; 0 means for ever.
	// Default: five times push_interval, at least 5m.
	MetricExpiration configoptional.Optional[time.Duration] `mapstructure:"metric_expiration"`

	// MaxGroups bounds the number of groups, points of further ones are refused; 0 means no bound. Default: 100.
	MaxGroups int `mapstructure:"max_groups"`

	// MaxSeriesPerGroup bounds the number of series of a group; 0 means no bound. Default: 10000.
	MaxSeriesPerGroup int `mapstructure:"max_series_per_group"`

	// MaxMemory bounds the bytes that the series of all groups take; 0 means no bound. Default: 512MiB.
	MaxMemory units.Base2Bytes `mapstructure:"max_memory"`

	// MaxBodyBytes bounds the size of a push before compression; families that do not fit are left out. 0 means no bound.
	// Default: 16MiB.
	MaxBodyBytes units.Base2Bytes `mapstructure:"max_body_bytes"`

	// MaxConcurrentPushes is how many requests are under way at once: a gateway works on one at a time. Default: 2.
	MaxConcurrentPushes int `mapstructure:"max_concurrent_pushes"`

	// Retry says when a push that failed for now is tried again, always with the latest state. After max_elapsed_time, or
	// when it is not enabled, that is after push_interval. Defaults: those of configretry.
	Retry configretry.BackOffConfig `mapstructure:"retry"`

	// RateLimit bounds the requests to the gateway.
	RateLimit RateLimitConfig `mapstructure:"rate_limit"`

	// CircuitBreaker leaves a gateway alone that does not work.
	CircuitBreaker CircuitBreakerConfig `mapstructure:"circuit_breaker"`

	// HealthCheckInterval is how often the gateway is asked whether it is ready; 0 means never. Default: 30s.
	HealthCheckInterval time.Duration `mapstructure:"health_check_interval"`

	// TranslationStrategy says how names become Prometheus names: UnderscoreEscapingWithSuffixes,
	// UnderscoreEscapingWithoutSuffixes, NoUTF8EscapingWithSuffixes or NoTranslation. A gateway takes what the last two make
	// only with --push.enable-utf8-names. Default: "UnderscoreEscapingWithSuffixes".
	TranslationStrategy otlptranslator.TranslationStrategyOption `mapstructure:"translation_strategy"`

	// WithoutScopeInfo leaves out the otel_scope_* labels. Default: false.
	WithoutScopeInfo bool `mapstructure:"without_scope_info"`

	// WithoutTargetInfo leaves out target_info. Default: false.
	WithoutTargetInfo bool `mapstructure:"without_target_info"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// LabelConfig says where the label of a group comes from.
type LabelConfig struct {
	// Attribute is the key of a resource attribute. Default: none.
	Attribute string `mapstructure:"attribute"`

	// Value is the same for all groups; with it Attribute does not count. Default: none.
	Value string `mapstructure:"value"`

	// Default is the value where there is no attribute. Default: none.
	Default string `mapstructure:"default"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// RateLimitConfig is a token bucket.
type RateLimitConfig struct {
	// RequestsPerSecond is how many requests are made in a second in the long run; 0 means no limit. Default: 0.
	RequestsPerSecond float64 `mapstructure:"requests_per_second"`

	// Burst is how many are made at once after a pause. Default: 0, a second's worth.
	Burst int `mapstructure:"burst"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// CircuitBreakerConfig says when a gateway is left alone.
type CircuitBreakerConfig struct {
	// Enabled turns the breaker on. Default: true.
	Enabled bool `mapstructure:"enabled"`

	// FailureThreshold is how many requests in a row must fail to open it, by no answer or one of 408, 429 or 5xx. One with a
	// Retry-After opens it at once. Default: 5.
	FailureThreshold int `mapstructure:"failure_threshold"`

	// Timeout is how long it is open at first; each probe that fails doubles it. Default: 5s.
	Timeout time.Duration `mapstructure:"timeout"`

	// MaxTimeout bounds how long it is open. Default: 2m.
	MaxTimeout time.Duration `mapstructure:"max_timeout"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Unmarshal lets a grouping that is given replace the default, not add to it.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if conf.IsSet("grouping") {
		c.Grouping = nil
	}
	return conf.Unmarshal(c)
}

// Validate reports all problems at once.
func (c *Config) Validate() error {
	return errors.Join(
		validateEndpoint(c.ClientConfig.Endpoint),
		validateCompression(c.ClientConfig.Compression),
		positive("timeout", c.ClientConfig.Timeout),
		c.validateLabels(),
		oneOf("method", c.Method, methodPut, methodPost),
		atLeast("push_interval", c.PushInterval, 100*time.Millisecond),
		oneOf("on_shutdown", c.OnShutdown, string(pushgroup.FinalPush), string(pushgroup.Delete), string(pushgroup.Keep)),
		notNegative("group_ttl", c.GroupTTL),
		notNegative("metric_expiration", c.expiration()),
		notNegative("max_groups", c.MaxGroups),
		notNegative("max_series_per_group", c.MaxSeriesPerGroup),
		notNegative("max_memory", c.MaxMemory),
		notNegative("max_body_bytes", c.MaxBodyBytes),
		positive("max_concurrent_pushes", c.MaxConcurrentPushes),
		c.validateRetry(),
		notNegative("rate_limit::requests_per_second", c.RateLimit.RequestsPerSecond),
		notNegative("rate_limit::burst", c.RateLimit.Burst),
		c.CircuitBreaker.validate(),
		notNegative("health_check_interval", c.HealthCheckInterval),
		validateStrategy(c.strategy()),
	)
}

func (c *Config) strategy() otlptranslator.TranslationStrategyOption {
	return cmp.Or(c.TranslationStrategy, otlptranslator.UnderscoreEscapingWithSuffixes)
}

func (c *Config) expiration() time.Duration {
	if c.MetricExpiration.HasValue() {
		return *c.MetricExpiration.Get()
	}
	return max(minExpiration, expirationIntervals*c.PushInterval)
}

// options are what the engine needs to know.
func (c *Config) options() pushgroup.Options {
	return pushgroup.Options{
		URL: strings.TrimRight(c.ClientConfig.Endpoint, "/"),
		Store: exposition.Options{
			Strategy:          c.strategy(),
			WithoutScopeInfo:  c.WithoutScopeInfo,
			WithoutTargetInfo: c.WithoutTargetInfo,
			Expiration:        c.expiration(),
			MaxSeries:         c.MaxSeriesPerGroup,
			MaxMemory:         int64(c.MaxMemory),
		},
		Rules:       c.rules(),
		Method:      map[string]string{methodPut: http.MethodPut, methodPost: http.MethodPost}[c.Method],
		Interval:    c.PushInterval,
		TTL:         c.GroupTTL,
		MaxGroups:   c.MaxGroups,
		MaxBody:     int(c.MaxBodyBytes),
		Concurrency: c.MaxConcurrentPushes,
		Retry: pushgroup.Retry{
			Enabled: c.Retry.Enabled, Initial: c.Retry.InitialInterval, Max: c.Retry.MaxInterval, Multiplier: c.Retry.Multiplier,
			Randomization: c.Retry.RandomizationFactor, MaxElapsed: c.Retry.MaxElapsedTime,
		},
		Rate:       c.RateLimit.rate(),
		Breaker:    c.CircuitBreaker.settings(),
		Probe:      c.HealthCheckInterval,
		OnShutdown: pushgroup.Mode(c.OnShutdown),
		Patience:   c.ClientConfig.Timeout,
	}
}

// rules has the job first; the order of the others is that of their names, so that a group has one path.
func (c *Config) rules() []pushgroup.Rule {
	rules := []pushgroup.Rule{c.Job.rule(labelJob)}
	for _, name := range slices.Sorted(maps.Keys(c.Grouping)) {
		l := c.Grouping[name]
		rules = append(rules, l.rule(name))
	}
	return rules
}

func (l *LabelConfig) rule(name string) pushgroup.Rule {
	return pushgroup.Rule{Label: name, Value: l.Value, Attribute: l.Attribute, Default: l.Default}
}

func (r *RateLimitConfig) rate() limiter.Rate {
	burst := r.Burst
	if burst == 0 {
		burst = max(1, int(r.RequestsPerSecond))
	}
	return limiter.Rate{PerSecond: r.RequestsPerSecond, Burst: burst}
}

// breakerJitter keeps several collectors from probing at the same time.
const breakerJitter = 0.1

func (b *CircuitBreakerConfig) settings() *breaker.Config {
	if !b.Enabled {
		return nil
	}
	return &breaker.Config{Threshold: b.FailureThreshold, Timeout: b.Timeout, MaxTimeout: b.MaxTimeout, Probes: 1, Jitter: breakerJitter}
}
