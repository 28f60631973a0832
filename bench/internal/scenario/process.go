package scenario

import (
	"context"

	"github.com/sluice-metrics/sluice/bench/internal/load"
	"github.com/sluice-metrics/sluice/bench/internal/stats"
)

// processing is what a load is sent through.
type processing struct{ conf, name string }

var (
	filterAndTransform = processing{"process", "filter and transform"}
	twentyRules        = processing{"process20", "20 rules"}
)

// process sends the same load through nop alone and through some processing, each in a process of its own. They take turns,
// so that whatever else slows the machine meets both, for the cost of the processing is a small difference.
func process(p processing, payloads, points, warm, turns, rounds int) Case {
	return Case{
		Scenario: "S3", Name: p.name, confs: []string{"nop", p.conf},
		run: func(ctx context.Context, r *run) ([]Value, error) {
			fleet, err := r.fleet(payloads, load.Shape{Points: points, HistogramPercent: 2})
			if err != nil {
				return nil, err
			}
			var pair [2]*instance
			for k, name := range []string{"nop", p.conf} {
				if pair[k], err = r.launch(ctx, name, "GRPC", nil); err != nil {
					return nil, err
				}
				defer pair[k].Kill()
				if _, err := pair[k].ingest(ctx, fleet, load.Options{Rounds: warm}); err != nil {
					return nil, err
				}
			}
			return takeTurns(ctx, pair, fleet, turns, load.Options{Rounds: rounds})
		},
	}
}

// takeTurns measures two instances, the second of which does something more, one after the other.
func takeTurns(ctx context.Context, pair [2]*instance, fleet load.Fleet, turns int, o load.Options) ([]Value, error) {
	var spent [2][]float64
	var more []float64
	for turn := range turns {
		for k, i := range pair {
			cpu, err := i.ingest(ctx, fleet, o)
			if err != nil {
				return nil, err
			}
			spent[k] = append(spent[k], cpu)
		}
		more = append(more, spent[1][turn]-spent[0][turn])
	}
	const unit = "µs CPU/point"
	return []Value{
		{Measure: "nop alone", Unit: unit, V: stats.Of(spent[0]).Median},
		{Measure: "with processing", Unit: unit, V: stats.Of(spent[1]).Median},
		{Measure: "cost of processing", Unit: unit, V: stats.Of(more).Median},
	}, nil
}
