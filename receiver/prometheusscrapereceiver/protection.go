package prometheusscrapereceiver

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/scrape"
)

// RateLimitConfig is a token bucket of requests.
type RateLimitConfig struct {
	// RequestsPerSecond is how many tokens come in a second; 0 means no limit. Default: 0.
	RequestsPerSecond float64 `mapstructure:"requests_per_second"`

	// Burst is how many tokens there may be. Default: 1, or a second's worth if that is more.
	Burst int `mapstructure:"burst"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// CircuitBreakerConfig says when a target that fails is left alone.
type CircuitBreakerConfig struct {
	// Enabled turns the breaker on. Default: false.
	Enabled bool `mapstructure:"enabled"`

	// FailureThreshold is how many failures in a row open it. Default: 5.
	FailureThreshold int `mapstructure:"failure_threshold"`

	// Timeout is how long it is open at first; each probe that fails doubles it. Default: 30s.
	Timeout time.Duration `mapstructure:"timeout"`

	// MaxTimeout bounds how long it is open, also when a target asks for longer by Retry-After. Default: 2m.
	MaxTimeout time.Duration `mapstructure:"max_timeout"`

	// HalfOpenProbes is how many scrapes in a row must succeed before it closes. Default: 1.
	HalfOpenProbes int `mapstructure:"half_open_probes"`

	// Jitter is the share by which an open time may be longer, at random. Default: 0.1.
	Jitter float64 `mapstructure:"jitter"`

	// StatusThreshold is the share of targets with open or half-open breakers from which on the receiver's status is a
	// recoverable error. Default: 0.5.
	StatusThreshold float64 `mapstructure:"status_threshold"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// BackpressureConfig says what is done when the pipeline cannot keep up.
type BackpressureConfig struct {
	// Strategy is adaptive (scrape less often), drop (leave scrapes out) or block (wait, and offer again what was refused).
	// Default: adaptive.
	Strategy string `mapstructure:"strategy"`

	// BufferSize is how many samples may be on their way into the pipeline. Default: 1000000.
	BufferSize int `mapstructure:"buffer_size"`

	// DropThreshold is the share of buffer_size from which on adaptive scrapes less often and drop leaves scrapes out.
	// Default: 0.8.
	DropThreshold float64 `mapstructure:"drop_threshold"`

	// AlertThreshold is the share of buffer_size from which on the receiver's status is a recoverable error. Default: 0.9.
	AlertThreshold float64 `mapstructure:"alert_threshold"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// JobConfig is the protection of one job. What is not given is as for all jobs.
type JobConfig struct {
	// RateLimit bounds the requests of the job. Default: that of job_rate_limit.
	RateLimit RateLimitConfig `mapstructure:"rate_limit"`

	// TargetRateLimit bounds the requests to each target of the job. Default: that of target_rate_limit.
	TargetRateLimit RateLimitConfig `mapstructure:"target_rate_limit"`

	// MaxConcurrency bounds the scrapes of the job under way; 0 means no bound. Default: 0.
	MaxConcurrency int `mapstructure:"max_concurrency"`

	// SampleBudget bounds the samples of all targets of the job; 0 means no bound. Beyond it, the targets with the lowest
	// label __scrape_priority__ are not scraped. Default: 0.
	SampleBudget int `mapstructure:"sample_budget"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func defaultCircuitBreaker() CircuitBreakerConfig {
	return CircuitBreakerConfig{
		FailureThreshold: 5, Timeout: 30 * time.Second, MaxTimeout: 2 * time.Minute,
		HalfOpenProbes: 1, Jitter: 0.1, StatusThreshold: 0.5,
	}
}

func defaultBackpressure() BackpressureConfig {
	return BackpressureConfig{Strategy: string(scrape.Adaptive), BufferSize: 1_000_000, DropThreshold: 0.8, AlertThreshold: 0.9}
}

// protection is what the keys say to the engine.
func (c *Config) protection() scrape.Protection {
	p := scrape.Protection{
		Rate: c.RateLimit.rate(), JobRate: c.JobRateLimit.rate(), TargetRate: c.TargetRateLimit.rate(),
		MaxConcurrency: c.MaxConcurrency, BatchSize: c.BatchSize, Jobs: map[string]scrape.JobProtection{},
	}
	if b := c.CircuitBreaker; b.Enabled {
		p.Breaker = &breaker.Config{
			Threshold: b.FailureThreshold, Timeout: b.Timeout, MaxTimeout: b.MaxTimeout,
			Probes: b.HalfOpenProbes, Jitter: b.Jitter,
		}
	}
	if b := c.Backpressure.Get(); b != nil {
		p.Backpressure = &scrape.Backpressure{
			Strategy: scrape.Strategy(b.Strategy), BufferSize: b.BufferSize,
			DropThreshold: b.DropThreshold, AlertThreshold: b.AlertThreshold,
		}
	}
	for name, j := range c.Jobs {
		p.Jobs[name] = scrape.JobProtection{
			Rate: j.RateLimit.rate(), TargetRate: j.TargetRateLimit.rate(),
			MaxConcurrency: j.MaxConcurrency, SampleBudget: j.SampleBudget,
		}
	}
	return p
}

func (c RateLimitConfig) rate() scrape.Rate {
	burst := c.Burst
	if burst == 0 {
		burst = max(1, int(math.Ceil(c.RequestsPerSecond)))
	}
	if c.RequestsPerSecond == 0 {
		return scrape.Rate{}
	}
	return scrape.Rate{PerSecond: c.RequestsPerSecond, Burst: burst}
}

func (c *Config) validateProtection() error {
	errs := []error{
		c.RateLimit.validate("rate_limit"),
		c.JobRateLimit.validate("job_rate_limit"),
		c.TargetRateLimit.validate("target_rate_limit"),
		notNegative("max_concurrency", c.MaxConcurrency),
		notNegative("batch_size", c.BatchSize),
		c.CircuitBreaker.validate(),
	}
	if b := c.Backpressure.Get(); b != nil {
		errs = append(errs, b.validate())
	}
	for _, name := range slices.Sorted(maps.Keys(c.Jobs)) {
		errs = append(errs, c.Jobs[name].validate("jobs::"+name+"::"))
	}
	return errors.Join(errs...)
}

func (c RateLimitConfig) validate(key string) error {
	var errs []error
	if math.IsNaN(c.RequestsPerSecond) || math.IsInf(c.RequestsPerSecond, 0) || c.RequestsPerSecond < 0 {
		errs = append(errs, fmt.Errorf("`%s::requests_per_second` must be 0 or more, got %v", key, c.RequestsPerSecond))
	}
	if c.Burst != 0 && c.RequestsPerSecond == 0 {
		errs = append(errs, fmt.Errorf("`%s::burst` has no effect without `requests_per_second`", key))
	}
	return errors.Join(append(errs, notNegative(key+"::burst", c.Burst))...)
}

func (c JobConfig) validate(prefix string) error {
	return errors.Join(
		c.RateLimit.validate(prefix+"rate_limit"),
		c.TargetRateLimit.validate(prefix+"target_rate_limit"),
		notNegative(prefix+"max_concurrency", c.MaxConcurrency),
		notNegative(prefix+"sample_budget", c.SampleBudget),
	)
}

func (c CircuitBreakerConfig) validate() error {
	errs := []error{
		positive("circuit_breaker::failure_threshold", c.FailureThreshold),
		positive("circuit_breaker::timeout", c.Timeout),
		positive("circuit_breaker::half_open_probes", c.HalfOpenProbes),
		share("circuit_breaker::jitter", c.Jitter, 0),
		share("circuit_breaker::status_threshold", c.StatusThreshold, smallestShare),
	}
	if c.MaxTimeout < c.Timeout {
		errs = append(errs, fmt.Errorf("`circuit_breaker::max_timeout` must not be less than `timeout` (%v), got %v", c.Timeout, c.MaxTimeout))
	}
	return errors.Join(errs...)
}

func (c BackpressureConfig) validate() error {
	errs := []error{
		positive("backpressure::buffer_size", c.BufferSize),
		share("backpressure::drop_threshold", c.DropThreshold, smallestShare),
		share("backpressure::alert_threshold", c.AlertThreshold, smallestShare),
	}
	switch scrape.Strategy(c.Strategy) {
	case scrape.Adaptive, scrape.Drop, scrape.Block:
	default:
		errs = append(errs, fmt.Errorf("`backpressure::strategy` must be adaptive, drop or block, got %q", c.Strategy))
	}
	return errors.Join(errs...)
}

// smallestShare stands for more than nothing.
const smallestShare = math.SmallestNonzeroFloat64

func share(key string, value, least float64) error {
	if value >= least && value <= 1 {
		return nil
	}
	if least > 0 {
		return fmt.Errorf("`%s` must be more than 0 and at most 1, got %v", key, value)
	}
	return fmt.Errorf("`%s` must be from 0 to 1, got %v", key, value)
}

func positive[T int | time.Duration](key string, value T) error {
	if value <= 0 {
		return fmt.Errorf("`%s` must be positive, got %v", key, value)
	}
	return nil
}
