package streamerprocessor

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/rules"
)

// Trial runs the rules of a configuration without a collector, as tests of rules do. It applies no rate limit, logs
// nothing and has no self-metrics: what the rules did is returned. It may be used concurrently.
type Trial struct{ program *rules.Program }

// RuleCounts is what one rule did to one batch, as its self-metrics tell it; a dry run tells what it would do.
type RuleCounts struct {
	Rule                              string
	Matched, Dropped, Changed, Errors int
	// FirstError is the first of the errors, nil for a rule whose error mode is silent.
	FirstError error
}

// NewTrial validates a configuration of the factory and compiles its rules.
func NewTrial(cfg component.Config) (*Trial, error) {
	c, ok := cfg.(*Config)
	if !ok {
		return nil, fmt.Errorf("a configuration of the streamer was expected, not %T", cfg)
	}
	if err := confmap.Validate(c); err != nil {
		return nil, err
	}
	program, err := c.compile(component.TelemetrySettings{Logger: zap.NewNop()}, c.registered)
	if err != nil {
		return nil, err
	}
	return &Trial{program: program}, nil
}

// RuleNames are the names of the rules, in order.
func (t *Trial) RuleNames() []string { return t.program.Names() }

// Run applies the rules as the processor does: in place, or to a copy if md is read-only and a rule changes it. It returns
// what is left and the counts of each rule. An error means that the processor would refuse the batch; md may then be half
// edited.
func (t *Trial) Run(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, []RuleCounts, error) {
	counts := make([]rules.Counts, len(t.program.Names()))
	out, err := t.program.Run(ctx, md, counts)
	result := make([]RuleCounts, len(counts))
	for i, name := range t.program.Names() {
		c := &counts[i]
		result[i] = RuleCounts{
			Rule: name, Matched: c.Matched, Dropped: c.Dropped, Changed: c.Changed, Errors: c.Errors, FirstError: c.FirstError,
		}
	}
	return out, result, err
}
