package guardextension

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/limiter"
)

// leastBytesBurst is the default max_request_body_size of confighttp.
const leastBytesBurst = 20 << 20

// problems collects what is wrong, each with its key.
type problems []error

func (p *problems) unless(ok bool, format string, args ...any) {
	if !ok {
		*p = append(*p, fmt.Errorf(format, args...))
	}
}

// Validate reports every problem of the configuration at once.
func (c *Config) Validate() error {
	var p problems
	c.Rate.Limits.validate(&p, "rate")
	if k := c.Rate.PerKey.Get(); k != nil {
		k.validate(&p)
	}
	c.InFlight.validate(&p)
	if m := c.Memory.Get(); m != nil {
		m.validate(&p)
	}
	p.unless(c.RetryAfter > 0, "retry_after: must be positive, not %v", c.RetryAfter)
	c.Client.Rate.validate(&p, "client::rate")
	c.Client.CircuitBreaker.validate(&p)
	return errors.Join(p...)
}

func (c *LimitsConfig) validate(p *problems, at string) {
	validateBucket(p, at, "requests", c.RequestsPerSecond, c.RequestsBurst)
	validateBucket(p, at, "bytes", c.BytesPerSecond, c.BytesBurst)
}

func validateBucket(p *problems, at, of string, perSecond float64, burst int) {
	p.unless(perSecond >= 0 && perSecond <= math.MaxInt32*1024, "%s: %s_per_second: must be from 0 to 2^41, not %v", at, of, perSecond)
	p.unless(burst >= 0, "%s: %s_burst: must not be negative, not %d", at, of, burst)
	p.unless(burst <= 0 || perSecond != 0, "%s: %s_burst: %s_per_second must be set too", at, of, of)
}

func (c *LimitsConfig) empty() bool { return c.RequestsPerSecond == 0 && c.BytesPerSecond == 0 }

func (c *PerKeyConfig) validate(p *problems) {
	const at = "rate::per_key"
	switch c.By {
	case byMetadata, byAuth:
		p.unless(c.Name != "", "%s: name: must be set when by is %s", at, c.By)
	case byClientAddress:
		p.unless(c.Name == "", "%s: name: must not be set when by is %s", at, c.By)
	default:
		p.unless(false, "%s: by: must be %s, %s or %s, not %q", at, byMetadata, byClientAddress, byAuth, c.By)
	}
	p.unless(c.IPv6Prefix >= 1 && c.IPv6Prefix <= 128, "%s: ipv6_prefix: must be from 1 to 128, not %d", at, c.IPv6Prefix)
	p.unless(c.MaxKeys >= 1, "%s: max_keys: must be at least 1, not %d", at, c.MaxKeys)
	c.Limits.validate(p, at)
	p.unless(!c.Limits.empty() || len(c.Overrides) > 0, "%s: requests_per_second or bytes_per_second must be set", at)
	c.validateOverrides(p, at)
}

func (c *PerKeyConfig) validateOverrides(p *problems, at string) {
	seen := map[string]int{}
	for i := range c.Overrides {
		o := &c.Overrides[i]
		where := fmt.Sprintf("%s: overrides[%d]", at, i)
		p.unless(o.Key != "", "%s: key: must be set", where)
		name := o.Key
		if c.By == byClientAddress && o.Key != "" {
			addr, err := netip.ParseAddr(o.Key)
			p.unless(err == nil, "%s: key: %q is no IP address", where, o.Key)
			if err == nil {
				name = clientOf(addr, c.IPv6Prefix).String()
			}
		}
		before, twice := seen[name]
		p.unless(!twice || o.Key == "", "%s: key: %q is that of overrides[%d] already", where, o.Key, before)
		seen[name] = i
		o.Limits.validate(p, where)
	}
}

func (c *InFlightConfig) validate(p *problems) {
	p.unless(c.Requests >= 0, "in_flight: requests: must not be negative, not %d", c.Requests)
	p.unless(c.Bytes >= 0, "in_flight: bytes: must not be negative, not %d", c.Bytes)
	p.unless(c.ReceiveTimeout >= 0, "in_flight: receive_timeout: must not be negative, not %v", c.ReceiveTimeout)
}

func (c *MemoryConfig) validate(p *problems) {
	p.unless(c.LimitPercentage >= 1 && c.LimitPercentage <= 100, "memory: limit_percentage: must be from 1 to 100, not %d", c.LimitPercentage)
	p.unless(c.ResumePercentage >= 1 && c.ResumePercentage <= 100, "memory: resume_percentage: must be from 1 to 100, not %d", c.ResumePercentage)
	p.unless(c.LimitMiB < 1<<40, "memory: limit_mib: must be less than 2^40, not %d", c.LimitMiB)
	p.unless(c.CheckInterval >= time.Millisecond, "memory: check_interval: must be at least 1ms, not %v", c.CheckInterval)
}

func (c *CircuitBreakerConfig) validate(p *problems) {
	const at = "client::circuit_breaker"
	p.unless(c.FailureThreshold >= 0, "%s: failure_threshold: must not be negative, not %d", at, c.FailureThreshold)
	p.unless(c.FailureRate >= 0 && c.FailureRate <= 1, "%s: failure_rate: must be from 0 to 1, not %v", at, c.FailureRate)
	p.unless(c.Window > 0, "%s: window: must be positive, not %v", at, c.Window)
	p.unless(c.MinRequests >= 1, "%s: min_requests: must be at least 1, not %d", at, c.MinRequests)
	p.unless(c.Timeout > 0, "%s: timeout: must be positive, not %v", at, c.Timeout)
	p.unless(c.MaxTimeout >= c.Timeout, "%s: max_timeout: must be at least timeout (%v), not %v", at, c.Timeout, c.MaxTimeout)
	p.unless(c.HalfOpenProbes >= 1, "%s: half_open_probes: must be at least 1, not %d", at, c.HalfOpenProbes)
	p.unless(c.Jitter >= 0 && c.Jitter <= 1, "%s: jitter: must be from 0 to 1, not %v", at, c.Jitter)
}

func (c *CircuitBreakerConfig) settings() breaker.Config {
	return breaker.Config{
		Threshold: c.FailureThreshold, FailureRate: c.FailureRate, Window: c.Window, MinCalls: c.MinRequests,
		Timeout: c.Timeout, MaxTimeout: c.MaxTimeout, Probes: c.HalfOpenProbes, Jitter: c.Jitter,
	}
}

func (c *LimitsConfig) limits() limiter.Limits {
	return limiter.Limits{
		Requests: bucketRate(c.RequestsPerSecond, c.RequestsBurst, 1),
		Bytes:    bucketRate(c.BytesPerSecond, c.BytesBurst, leastBytesBurst),
	}
}

func bucketRate(perSecond float64, burst, least int) limiter.Rate {
	if burst == 0 {
		burst = max(least, int(math.Ceil(perSecond)))
	}
	return limiter.Rate{PerSecond: perSecond, Burst: burst}
}
