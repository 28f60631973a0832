package streamerprocessor

import (
	"cmp"
	"context"

	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/rules"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadata"
)

// report turns what the rules did into self-metrics and, at most once per rule and batch, a log line.
type report struct {
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	rules     []ruleIdentity
}

// ruleIdentity is how one rule shows up in logs and self-metrics.
type ruleIdentity struct {
	name string
	// attributes is a slice so that a recording passes it on without allocating one.
	attributes []metric.AddOption
}

func newReport(set processor.Settings, names []string) (*report, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	r := &report{logger: set.Logger, telemetry: telemetry}
	for _, name := range names {
		attributes := attribute.NewSet(attribute.String("processor", set.ID.String()), attribute.String("rule", name))
		r.rules = append(r.rules, ruleIdentity{name: name, attributes: []metric.AddOption{metric.WithAttributeSet(attributes)}})
	}
	return r, nil
}

// applied reports on a batch that was processed to the end.
func (r *report) applied(ctx context.Context, counts []rules.Counts) {
	for i, c := range counts {
		r.telemetry.StreamerRuleMatched.Add(ctx, int64(c.Matched), r.rules[i].attributes...)
		r.telemetry.StreamerRuleDropped.Add(ctx, int64(c.Dropped), r.rules[i].attributes...)
		r.telemetry.StreamerRuleErrors.Add(ctx, int64(c.Errors), r.rules[i].attributes...)
		if c.FirstError != nil {
			r.logger.Warn("OTTL errors ignored", zap.String("rule", r.rules[i].name), zap.Int("errors", c.Errors), zap.Error(c.FirstError))
		}
	}
}

// refused reports on a batch that a rule's error stopped. The rules matched and dropped nothing for good, and the error
// itself goes to the caller.
func (r *report) refused(ctx context.Context, counts []rules.Counts) {
	for i, c := range counts {
		r.telemetry.StreamerRuleErrors.Add(ctx, int64(c.Errors), r.rules[i].attributes...)
	}
}

// logClasses says once how each condition and statement is evaluated.
func logClasses(logger *zap.Logger, classes []rules.Class, memoize bool) {
	var once, every []string
	for _, c := range classes {
		where := c.Rule + " " + c.Key
		if c.EveryTime == "" && memoize {
			once = append(once, where)
			continue
		}
		every = append(every, where+": "+cmp.Or(c.EveryTime, "memoize is false"))
	}
	if len(classes) > 0 {
		logger.Info("rules compiled", zap.Strings("evaluated_once_per_series", once), zap.Strings("evaluated_every_time", every))
	}
}
