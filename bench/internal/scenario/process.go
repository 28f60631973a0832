package scenario

import (
	"context"

	"github.com/sluice-metrics/sluice/bench/internal/load"
)

// process sends the same load through nop alone and through filter and transform, each in a process of its own.
func process(payloads, points, warm, rounds int) Case {
	return Case{
		Scenario: "S3", Name: "7 attributes a point", confs: []string{"nop", "process"},
		run: func(ctx context.Context, r *run) ([]Value, error) {
			fleet, err := r.fleet(payloads, load.Shape{Points: points, HistogramPercent: 2})
			if err != nil {
				return nil, err
			}
			through := func(name string) (float64, error) {
				i, err := r.launch(ctx, name, "GRPC", nil)
				if err != nil {
					return 0, err
				}
				defer i.Kill()
				if _, err := i.ingest(ctx, fleet, load.Options{Rounds: warm}); err != nil {
					return 0, err
				}
				return i.ingest(ctx, fleet, load.Options{Rounds: rounds})
			}
			alone, err := through("nop")
			if err != nil {
				return nil, err
			}
			with, err := through("process")
			if err != nil {
				return nil, err
			}
			return []Value{
				{Measure: "nop alone", Unit: "µs CPU/point", V: alone},
				{Measure: "with filter and transform", Unit: "µs CPU/point", V: with},
				{Measure: "cost of the two", Unit: "µs CPU/point", V: with - alone},
			}, nil
		},
	}
}
