package observerextension

import (
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/dispatch"
	"github.com/sluice-metrics/sluice/internal/events"
)

const (
	thresholdKind   = events.Threshold
	cardinalityKind = events.Cardinality
)

// kinds are those of on, or those that a bound stands for.
func (c *HookConfig) kinds() events.Kinds {
	if len(c.On) > 0 {
		return events.KindsOf(c.On...)
	}
	var on events.Kinds
	if c.Threshold.HasValue() {
		on |= events.KindsOf(thresholdKind)
	}
	if c.Cardinality.HasValue() {
		on |= events.KindsOf(cardinalityKind)
	}
	return on
}

func (c *HookConfig) debounce() time.Duration {
	switch {
	case c.Debounce.HasValue():
		return *c.Debounce.Get()
	case c.Webhook.HasValue(), c.Alertmanager.HasValue():
		return time.Second
	default:
		return 0
	}
}

func (c *BoundConfig) bound() *events.Bound {
	b := &events.Bound{Below: c.Below.HasValue(), For: c.For}
	if b.Below {
		b.Limit = *c.Below.Get()
	} else {
		b.Limit = *c.Above.Get()
	}
	b.Clear = b.Limit
	if c.Clear.HasValue() {
		b.Clear = *c.Clear.Get()
	}
	return b
}

// settings are what the engine needs to know. The caller says how events are delivered.
func (c *HookConfig) settings(queue int, tel component.TelemetrySettings) (events.Settings, error) {
	match, err := c.Match.matcher(tel)
	if err != nil {
		return events.Settings{}, err
	}
	set := events.Settings{On: c.kinds(), Match: match, Debounce: c.debounce(), Lane: c.lane(queue)}
	if b := c.Threshold.Get(); b != nil {
		set.Threshold = b.bound()
	}
	if b := c.Cardinality.Get(); b != nil {
		set.Cardinality = b.bound()
	}
	return set, nil
}

func (c *HookConfig) lane(queue int) dispatch.Settings[Event] {
	l := dispatch.Settings[Event]{
		Name: c.Name, Priority: c.Priority, Size: queue, Batch: c.Batch.FlushThreshold, Interval: c.Batch.FlushInterval,
		Timeout: c.Timeout, BlockTimeout: c.BlockTimeout,
	}
	switch c.OnOverflow {
	case block:
		l.OnOverflow = dispatch.Block
	case dropNewest:
		l.OnOverflow = dispatch.DropNewest
	default:
		l.OnOverflow = dispatch.DropOldest
	}
	if c.OnError == onErrorRetry && c.Retry.Enabled {
		l.Retry = dispatch.Retry{
			Initial: c.Retry.InitialInterval, Max: c.Retry.MaxInterval, Elapsed: c.Retry.MaxElapsedTime,
			Multiplier: c.Retry.Multiplier, Jitter: c.Retry.RandomizationFactor,
		}
	}
	if b := c.CircuitBreaker; b.Enabled {
		const jitter = 0.1
		l.Breaker = &breaker.Config{
			Threshold: b.FailureThreshold, Timeout: b.Timeout, MaxTimeout: b.MaxTimeout, Probes: 1, Jitter: jitter,
		}
	}
	return l
}
