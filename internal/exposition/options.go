package exposition

import (
	"time"

	"github.com/prometheus/otlptranslator"
)

// Options configures a Store.
type Options struct {
	// Strategy says how names are translated; empty means UnderscoreEscapingWithSuffixes.
	Strategy otlptranslator.TranslationStrategyOption
	// Namespace goes before the name of every metric but target_info, with "_" between; it is valid under the strategy.
	Namespace string
	// ConstLabels are on every series; the names are valid under the strategy.
	ConstLabels map[string]string
	// ResourceLabels says which attributes of a resource become labels of its series, by their keys, those that job and
	// instance are made of included; nil means none.
	ResourceLabels func(key string) bool
	// WithoutScopeInfo leaves the otel_scope_* labels out.
	WithoutScopeInfo bool
	// WithoutTargetInfo leaves the target_info family out.
	WithoutTargetInfo bool
	// DropExponentialInText leaves exponential histograms out where they have no form of their own: in text and OpenMetrics.
	DropExponentialInText bool
	// SendTimestamps writes the time of each point on the page.
	SendTimestamps bool
	// Expiration is how long a series without an update is shown; 0 means for ever.
	Expiration time.Duration
	// MaxSeries bounds the number of series held, target_info included; 0 means no bound.
	MaxSeries int
	// MaxMemory bounds the bytes that the series take, about; 0 means no bound.
	MaxMemory int64

	// collide makes all hashes of labels equal, for tests.
	collide bool
}
