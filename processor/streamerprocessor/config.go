package streamerprocessor

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.uber.org/zap"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"

	"github.com/sluice-metrics/sluice/internal/rules"
)

// Config is the configuration of the streamer.
type Config struct {
	// ErrorMode says what a run-time error of a condition or statement does: "ignore" logs and counts it, "silent"
	// only counts it, "propagate" refuses the batch with it. Default: ignore.
	ErrorMode ottl.ErrorMode `mapstructure:"error_mode"`

	// Rules are applied in order, each to the whole batch. Default: none, metrics pass untouched.
	Rules []RuleConfig `mapstructure:"rules"`

	// Memoize says whether what rules do to a series is remembered where it depends on nothing but the series' identity.
	// The outcome is the same either way. Default: true.
	Memoize bool `mapstructure:"memoize"`

	// MemoizeMaxSeries bounds the series remembered, for each row of rules that can be. Default: 1,000,000.
	MemoizeMaxSeries int `mapstructure:"memoize_max_series"`

	// MemoizeExpiration is how long after its last point a series is forgotten at the latest. Default: 30m.
	MemoizeExpiration time.Duration `mapstructure:"memoize_expiration"`

	// RateLimit refuses batches above a rate of data points. Default: no limit.
	RateLimit RateLimitConfig `mapstructure:"rate_limit"`

	// Observer is the ID of an observer extension that is told of what the rules let through. Default: none.
	Observer *component.ID `mapstructure:"observer"`

	// Buffer lets batches wait behind the rules. Default: none, what the next component answers goes back upstream.
	Buffer configoptional.Optional[BufferConfig] `mapstructure:"buffer"`

	// registered are the functions that this build offers.
	registered *registry

	// prevent unkeyed literals
	_ struct{}
}

func createDefaultConfig() component.Config {
	return &Config{
		ErrorMode:         ottl.IgnoreError,
		Memoize:           true,
		MemoizeMaxSeries:  1_000_000,
		MemoizeExpiration: 30 * time.Minute,
		Buffer:            configoptional.Default(defaultBuffer()),
	}
}

// Validate parses every rule and joins all problems found.
func (c *Config) Validate() error {
	_, err := c.compile(component.TelemetrySettings{Logger: zap.NewNop()}, c.registered)
	return errors.Join(c.RateLimit.validate(), c.Buffer.Get().validate(), c.validateMemoize(), err)
}

func (c *Config) validateMemoize() error {
	var errs []error
	if c.MemoizeMaxSeries < 1 {
		errs = append(errs, fmt.Errorf("memoize_max_series: must be at least 1, not %d; to remember nothing set memoize: false", c.MemoizeMaxSeries))
	}
	if c.MemoizeExpiration <= 0 {
		errs = append(errs, fmt.Errorf("memoize_expiration: must be positive, not %s", c.MemoizeExpiration))
	}
	return errors.Join(errs...)
}

func (c *Config) memoize() rules.Memoize {
	if !c.Memoize {
		return rules.Memoize{}
	}
	return rules.Memoize{MaxSeries: c.MemoizeMaxSeries, Expiration: c.MemoizeExpiration}
}

func (c *Config) compile(set component.TelemetrySettings, registered *registry) (*rules.Program, error) {
	list := make([]rules.Rule, 0, len(c.Rules))
	var errs []error
	for i := range c.Rules {
		r, err := c.Rules[i].rule(set, c.ErrorMode, registered)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.Rules[i].label(i), err))
		}
		list = append(list, r)
	}
	program, err := rules.Compile(rules.Settings{
		Functions: functions(),
		ErrorMode: c.ErrorMode,
		Telemetry: set,
		Memoize:   c.memoize(),
	}, list)
	return program, errors.Join(append(errs, err, registered.validate())...)
}
