package rules

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
)

// Stage is a rule that is made elsewhere. It may be called concurrently.
type Stage interface {
	// Key is what a configuration calls the rule.
	Key() string
	// Run applies the rule to md in place and adds to c. Whatever the error mode, an error refuses the batch.
	Run(ctx context.Context, md pmetric.Metrics, c *Counts) error
}

// Looker is a Stage that can tell whether it would change a batch, without writing to it.
type Looker interface {
	// Changes returns false if Run leaves md as it is, and then has added to c what Run would have.
	Changes(ctx context.Context, md pmetric.Metrics, c *Counts) bool
}

// made is a Stage as a stage.
type made struct{ Stage }

func stagePart(s Stage, mode ottl.ErrorMode) part {
	return part{
		mode: newErrorPolicy(mode), stage: made{s},
		classes: []Class{{Key: s.Key(), EveryTime: "it depends on more than a series' identity"}},
	}
}

func (m made) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	t.end(m.Run(ctx, md, &t.Counts))
}

func (m made) changes(ctx context.Context, md pmetric.Metrics, t *tally) bool {
	l, ok := m.Stage.(Looker)
	return !ok || l.Changes(ctx, md, &t.Counts)
}
