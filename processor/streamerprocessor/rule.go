package streamerprocessor

import (
	"cmp"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"

	"github.com/sluice-metrics/sluice/internal/rules"
)

// RuleConfig is one rule. Exactly one of its actions, Drop to Function, must be set.
type RuleConfig struct {
	// Name identifies the rule in logs, errors and self-metrics; it must be unique. Default: rules[i], its position.
	Name string `mapstructure:"name"`

	// Drop is a list of OTTL conditions, each of any context: what matches one of them is removed. Default: none.
	Drop []string `mapstructure:"drop"`

	// Keep is a list of OTTL conditions, all of one context: what matches none of them is removed. Default: none.
	Keep []string `mapstructure:"keep"`

	// Transform is a list of OTTL statements, executed in order on one item after the other. Default: none.
	Transform []string `mapstructure:"transform"`

	// Relabel is a list of Prometheus relabel configs, applied to each data point. Default: none.
	Relabel []RelabelConfig `mapstructure:"relabel"`

	// Constrain is what the numbers of data points must be. Default: none.
	Constrain *ConstrainConfig `mapstructure:"constrain"`

	// Metrics is the block of that name of contrib's filter processor. Default: none.
	Metrics map[string]any `mapstructure:"metrics"`

	// MetricConditions is the block of that name of contrib's filter processor. Default: none.
	MetricConditions []any `mapstructure:"metric_conditions"`

	// MetricStatements is the block of that name of contrib's transform processor. Default: none.
	MetricStatements []any `mapstructure:"metric_statements"`

	// Function is the name of a function that a custom build has registered. Default: none.
	Function string `mapstructure:"function"`

	// ErrorMode overrides the processor's error_mode for this rule. Default: that of the processor.
	ErrorMode ottl.ErrorMode `mapstructure:"error_mode"`

	// DryRun counts what the rule would do, logs an example at most once a minute, and does nothing. Default: false.
	DryRun bool `mapstructure:"dry_run"`

	// prevent unkeyed literals
	_ struct{}
}

// rule is the rule as the engine knows it. On an error it has no action but those that are right.
func (c *RuleConfig) rule(set component.TelemetrySettings, mode ottl.ErrorMode, registered *registry) (rules.Rule, error) {
	r := rules.Rule{
		Name:      c.Name,
		Drop:      c.Drop,
		Keep:      c.Keep,
		Transform: c.Transform,
		ErrorMode: c.ErrorMode,
		DryRun:    c.DryRun,
	}
	mode = cmp.Or(c.ErrorMode, mode)
	err := errors.Join(
		c.relabel(&r),
		c.constrain(&r),
		c.pasteFilter(&r, set, mode),
		c.pasteTransform(&r, mode),
		registered.rule(c.Function, &r),
	)
	if err != nil { // so that the fault is reported once
		return rules.Rule{Name: c.Name, Stage: unusable{}}, err
	}
	return r, nil
}

// label names the rule in an error as the engine does.
func (c *RuleConfig) label(index int) string {
	if c.Name == "" {
		return fmt.Sprintf("rules[%d]", index)
	}
	return fmt.Sprintf("rules[%d] (%q)", index, c.Name)
}
