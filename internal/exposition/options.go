package exposition

import (
	"time"

	"github.com/prometheus/otlptranslator"
)

// Options configures a Store.
type Options struct {
	// Strategy says how names are translated; empty means UnderscoreEscapingWithSuffixes.
	Strategy otlptranslator.TranslationStrategyOption
	// WithoutScopeInfo leaves the otel_scope_* labels out.
	WithoutScopeInfo bool
	// WithoutTargetInfo leaves the target_info family out.
	WithoutTargetInfo bool
	// SendTimestamps writes the time of each point on the page.
	SendTimestamps bool
	// Expiration is how long a series without an update is shown; 0 means for ever.
	Expiration time.Duration
	// MaxSeries bounds the number of series held, target_info included; 0 means no bound.
	MaxSeries int
}
