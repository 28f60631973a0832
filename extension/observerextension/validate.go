package observerextension

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/httpserve"
)

var _ confmap.Validator = (*Config)(nil)

// problems are what is wrong, all of it.
type problems []error

func (p *problems) unless(right bool, format string, args ...any) {
	if !right {
		*p = append(*p, fmt.Errorf(format, args...))
	}
}

// Validate reports all problems at once.
func (c *Config) Validate() error {
	var p problems
	p.unless(c.QueueSize >= 1, "queue_size: must be at least 1, not %d", c.QueueSize)
	p.unless(c.Workers.Min >= 1, "workers: min: must be at least 1, not %d", c.Workers.Min)
	p.unless(c.Workers.Max >= c.Workers.Min, "workers: max: must be at least min (%d), not %d", c.Workers.Min, c.Workers.Max)
	p.unless(c.MaxObservers >= 0 && c.MaxObservers <= maxObservers, "max_observers: must be from 0 to %d, not %d", maxObservers, c.MaxObservers)
	p.unless(c.MaxSeries >= 1, "max_series: must be at least 1, not %d", c.MaxSeries)
	p.unless(c.SeriesExpiration >= time.Second, "series_expiration: must be at least 1s, not %v", c.SeriesExpiration)
	p.unless(c.DrainTimeout >= 0, "drain_timeout: must not be negative, not %v", c.DrainTimeout)
	c.validateHooks(&p)
	return errors.Join(p...)
}

// maxHooks and maxObservers are more than anybody needs, and together less than the dispatcher can count.
const (
	maxHooks     = 1_000
	maxObservers = 10_000
)

func (c *Config) validateHooks(p *problems) {
	p.unless(len(c.Hooks) <= maxHooks, "hooks: must be at most %d, not %d", maxHooks, len(c.Hooks))
	seen, endpoints := map[string]int{}, map[string]int{}
	for i := range c.Hooks {
		h := &c.Hooks[i]
		at := h.label(i)
		first, twice := seen[h.Name]
		p.unless(!twice || h.Name == "", "%s: name: is that of hooks[%d] already", at, first)
		seen[h.Name] = i
		if s := h.Stream.Get(); s != nil {
			first, twice := endpoints[s.ServerConfig.NetAddr.Endpoint]
			p.unless(!twice || strings.HasSuffix(s.ServerConfig.NetAddr.Endpoint, ":0"), "%s: stream: endpoint: is that of hooks[%d] already", at, first)
			endpoints[s.ServerConfig.NetAddr.Endpoint] = i
		}
		h.validate(p, at)
	}
}

// label names the hook in an error by its position, and by its name if it has one.
func (c *HookConfig) label(i int) string {
	if c.Name == "" {
		return fmt.Sprintf("hooks[%d]", i)
	}
	return fmt.Sprintf("hooks[%d] (%q)", i, c.Name)
}

func (c *HookConfig) validate(p *problems, at string) {
	p.unless(c.Name != "", "%s: name: must be set", at)
	p.unless(c.Priority.Valid(), "%s: priority: must be critical, high, normal or low", at)
	on := c.kinds()
	p.unless(on != 0, "%s: on: must name at least one kind of event", at)
	p.unless(!on.Has(thresholdKind) || c.Threshold.HasValue(), "%s: threshold: must be set for on: [threshold]", at)
	p.unless(on.Has(thresholdKind) || !c.Threshold.HasValue(), "%s: on: must name threshold, for there is one", at)
	p.unless(!on.Has(cardinalityKind) || c.Cardinality.HasValue(), "%s: cardinality: must be set for on: [cardinality]", at)
	p.unless(on.Has(cardinalityKind) || !c.Cardinality.HasValue(), "%s: on: must name cardinality, for there is one", at)
	c.validateBounds(p, at)
	_, err := c.Match.matcher(component.TelemetrySettings{Logger: zap.NewNop()})
	p.unless(err == nil, "%s: match: %w", at, err)
	p.unless(c.debounce() >= 0, "%s: debounce: must not be negative, not %v", at, c.debounce())
	p.unless(c.Batch.FlushThreshold >= 0, "%s: batch: flush_threshold: must not be negative, not %d", at, c.Batch.FlushThreshold)
	p.unless(c.Batch.FlushInterval > 0, "%s: batch: flush_interval: must be positive, not %v", at, c.Batch.FlushInterval)
	p.unless(c.Timeout > 0, "%s: timeout: must be positive, not %v", at, c.Timeout)
	c.validateFailing(p, at)
	c.validateAction(p, at)
}

func (c *HookConfig) validateBounds(p *problems, at string) {
	for key, b := range map[string]*BoundConfig{"threshold": c.Threshold.Get(), "cardinality": c.Cardinality.Get()} {
		if b != nil {
			b.validate(p, at+": "+key)
		}
	}
}

func (c *BoundConfig) validate(p *problems, at string) {
	p.unless(c.Above.HasValue() != c.Below.HasValue(), "%s: exactly one of above and below must be set", at)
	p.unless(c.For >= 0, "%s: for: must not be negative, not %v", at, c.For)
	for key, v := range map[string]configoptional.Optional[float64]{"above": c.Above, "below": c.Below, "clear": c.Clear} {
		if n := v.Get(); n != nil {
			p.unless(!math.IsNaN(*n), "%s: %s: must be a number", at, key)
		}
	}
	if !c.Clear.HasValue() || c.Above.HasValue() == c.Below.HasValue() {
		return
	}
	b := c.bound()
	p.unless(b.Below || b.Clear <= b.Limit, "%s: clear: must be at most above (%v), not %v", at, b.Limit, b.Clear)
	p.unless(!b.Below || b.Clear >= b.Limit, "%s: clear: must be at least below (%v), not %v", at, b.Limit, b.Clear)
}

func (c *HookConfig) validateFailing(p *problems, at string) {
	switch c.OnOverflow {
	case dropOldest, dropNewest, block:
	default:
		p.unless(false, "%s: on_overflow: must be drop_oldest, drop_newest or block, not %q", at, c.OnOverflow)
	}
	p.unless(c.BlockTimeout > 0, "%s: block_timeout: must be positive, not %v", at, c.BlockTimeout)
	switch c.OnError {
	case onErrorLog, onErrorDrop:
	case onErrorRetry:
		p.unless(c.Retry.InitialInterval > 0, "%s: retry: initial_interval: must be positive, not %v", at, c.Retry.InitialInterval)
	default:
		p.unless(false, "%s: on_error: must be log, drop or retry, not %q", at, c.OnError)
	}
	b := &c.CircuitBreaker
	p.unless(b.FailureThreshold >= 1, "%s: circuit_breaker: failure_threshold: must be at least 1, not %d", at, b.FailureThreshold)
	p.unless(b.Timeout > 0, "%s: circuit_breaker: timeout: must be positive, not %v", at, b.Timeout)
	p.unless(b.MaxTimeout >= b.Timeout, "%s: circuit_breaker: max_timeout: must be at least timeout (%v), not %v", at, b.Timeout, b.MaxTimeout)
}

func (c *HookConfig) validateAction(p *problems, at string) {
	actions := 0
	for _, set := range []bool{c.Log.HasValue(), c.Webhook.HasValue(), c.Alertmanager.HasValue(), c.Stream.HasValue()} {
		if set {
			actions++
		}
	}
	p.unless(actions == 1, "%s: exactly one of log, webhook, alertmanager and stream must be set, not %d", at, actions)
	if w := c.Webhook.Get(); w != nil {
		validateURL(p, at+": webhook", &w.ClientConfig)
		_, err := url.Parse(w.Source)
		p.unless(err == nil, "%s: webhook: source: must be a URI reference: %w", at, err)
	}
	if a := c.Alertmanager.Get(); a != nil {
		a.validate(p, at+": alertmanager")
	}
	if s := c.Stream.Get(); s != nil {
		s.validate(p, at+": stream")
	}
}

func validateURL(p *problems, at string, c *confighttp.ClientConfig) {
	u, err := url.Parse(c.Endpoint)
	p.unless(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "",
		"%s: endpoint: must be a URL such as http://localhost:8080/events, not %q", at, c.Endpoint)
}

// labelName is what Alertmanager takes, in all its versions.
var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func (c *AlertmanagerConfig) validate(p *problems, at string) {
	validateURL(p, at, &c.ClientConfig)
	for name, value := range c.Labels {
		p.unless(labelName.MatchString(name), "%s: labels: %q is no label name", at, name)
		p.unless(value != "", "%s: labels: %s: must not be empty", at, name)
	}
	for name := range c.Annotations {
		p.unless(labelName.MatchString(name), "%s: annotations: %q is no name of an annotation", at, name)
	}
	p.unless(c.ResendInterval >= time.Second, "%s: resend_interval: must be at least 1s, not %v", at, c.ResendInterval)
	p.unless(c.ResolveAfter > 0, "%s: resolve_after: must be positive, not %v", at, c.ResolveAfter)
	p.unless(c.MaxAlerts >= 1, "%s: max_alerts: must be at least 1, not %d", at, c.MaxAlerts)
}

func (c *StreamConfig) validate(p *problems, at string) {
	err := httpserve.ValidateEndpoint(&c.ServerConfig)
	p.unless(err == nil, "%s: %w", at, err)
	p.unless(strings.HasPrefix(c.Path, "/") && !strings.ContainsAny(c.Path, "{} "), "%s: path: must begin with / and be no pattern, not %q", at, c.Path)
	p.unless(c.MaxClients >= 1, "%s: max_clients: must be at least 1, not %d", at, c.MaxClients)
	p.unless(c.ClientBuffer >= 1, "%s: client_buffer: must be at least 1, not %d", at, c.ClientBuffer)
}
