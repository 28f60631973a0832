package streamerprocessor

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
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

	// prevent unkeyed literals
	_ struct{}
}

// RuleConfig is one rule. Exactly one of drop, keep and transform must be set.
type RuleConfig struct {
	// Name identifies the rule in logs, errors and self-metrics; it must be unique. Default: rules[i], its position.
	Name string `mapstructure:"name"`

	// Drop is a list of OTTL conditions, each of any context: what matches one of them is removed. Default: none.
	Drop []string `mapstructure:"drop"`

	// Keep is a list of OTTL conditions, all of one context: what matches none of them is removed. Default: none.
	Keep []string `mapstructure:"keep"`

	// Transform is a list of OTTL statements, executed in order on one item after the other. Default: none.
	Transform []string `mapstructure:"transform"`

	// ErrorMode overrides the processor's error_mode for this rule. Default: that of the processor.
	ErrorMode ottl.ErrorMode `mapstructure:"error_mode"`

	// prevent unkeyed literals
	_ struct{}
}

func createDefaultConfig() component.Config {
	return &Config{
		ErrorMode:         ottl.IgnoreError,
		Memoize:           true,
		MemoizeMaxSeries:  1_000_000,
		MemoizeExpiration: 30 * time.Minute,
	}
}

// Validate parses every rule and joins all problems found.
func (c *Config) Validate() error {
	_, err := c.compile(component.TelemetrySettings{Logger: zap.NewNop()})
	return errors.Join(c.validateMemoize(), err)
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

func (c *Config) compile(set component.TelemetrySettings) (*rules.Program, error) {
	list := make([]rules.Rule, 0, len(c.Rules))
	for _, r := range c.Rules {
		list = append(list, rules.Rule{
			Name:      r.Name,
			Drop:      r.Drop,
			Keep:      r.Keep,
			Transform: r.Transform,
			ErrorMode: r.ErrorMode,
		})
	}
	return rules.Compile(rules.Settings{
		Functions: functions(),
		ErrorMode: c.ErrorMode,
		Telemetry: set,
		Memoize:   c.memoize(),
	}, list)
}
