package ruletest

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Rules are compiled rules. What they remember from one batch to the next is theirs.
type Rules interface {
	// Names are those of the rules, in order.
	Names() []string
	// Run applies the rules to a batch, in place or to a copy, and returns what is left of it and a Count for each rule.
	// An error means that the batch is refused.
	Run(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, []Count, error)
}

// Count is what one rule did to a batch.
type Count struct {
	Rule string
	// Matched, Dropped and Changed are data points, Errors are evaluations that failed.
	Matched, Dropped, Changed, Errors int
	// FirstError is the first of the errors, if it is not to be kept silent.
	FirstError error
}

// Configuration is what rules are in.
type Configuration interface {
	// Streamers returns the IDs of the streamers of a pipeline in their order; those of all, sorted, if pipeline is empty.
	Streamers(pipeline string) ([]string, error)
	// Rules compiles the rules of a streamer.
	Rules(streamer string) (Rules, error)
}

// Loader reads a configuration from its locations, weakest first. None means that the file under test names none.
type Loader func(ctx context.Context, locations []string) (Configuration, error)
