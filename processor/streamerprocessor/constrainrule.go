package streamerprocessor

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/sluice-metrics/sluice/internal/rules"
)

// ConstrainConfig says what the numbers of gauges and sums must be.
type ConstrainConfig struct {
	// MetricNames are the names of the metrics it is for. Default: all.
	MetricNames []string `mapstructure:"metric_names"`

	// Match is a list of OTTL conditions: it is for what meets any of them. Default: none, it is for all.
	Match []string `mapstructure:"match"`

	// Min is the least value allowed. Default: none.
	Min *float64 `mapstructure:"min"`

	// Max is the greatest value allowed. Default: none.
	Max *float64 `mapstructure:"max"`

	// Finite forbids NaN and infinities. Default: false.
	Finite bool `mapstructure:"finite"`

	// Integer forbids fractions. Default: false.
	Integer bool `mapstructure:"integer"`

	// Monotonic forbids that a series goes down, unless its start time changes. Default: false.
	Monotonic bool `mapstructure:"monotonic"`

	// OnViolation is what happens to a point that breaks the constraint: "drop" removes it, "clamp" sets the nearest value
	// allowed, "tag" adds the attribute sluice.violation, "log" leaves it and logs. All are counted. Default: log.
	OnViolation rules.Violation `mapstructure:"on_violation"`

	// prevent unkeyed literals
	_ struct{}
}

var violations = []rules.Violation{rules.DropPoint, rules.ClampPoint, rules.TagPoint, rules.LogPoint}

// constrain adds the constraint to a rule.
func (c *RuleConfig) constrain(r *rules.Rule) error {
	if c.Constrain == nil {
		return nil
	}
	k := c.Constrain
	var errs []error
	action := cmp.Or(k.OnViolation, rules.LogPoint)
	if !slices.Contains(violations, action) {
		errs = append(errs, fmt.Errorf("constrain: on_violation: must be drop, clamp, tag or log, not %q", action))
	}
	if k.Min == nil && k.Max == nil && !k.Finite && !k.Integer && !k.Monotonic {
		errs = append(errs, errors.New("constrain: at least one of min, max, finite, integer and monotonic must be set"))
	}
	r.Constrain = &rules.Constrain{
		Names: k.MetricNames, Match: k.Match,
		Min: k.Min, Max: k.Max, Finite: k.Finite, Integer: k.Integer, Monotonic: k.Monotonic,
		OnViolation: action,
	}
	return errors.Join(errs...)
}
