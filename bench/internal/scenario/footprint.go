package scenario

import (
	"context"
	"os"
	"time"

	"github.com/sluice-metrics/sluice/bench/internal/stats"
)

// footprint starts the subject several times, and leaves the last one idle for a while.
func footprint(starts int, settle, idle time.Duration) Case {
	return Case{Scenario: "Process", Name: "idle", confs: []string{"nop"}, run: func(ctx context.Context, r *run) ([]Value, error) {
		info, err := os.Stat(r.Subject.Path)
		if err != nil {
			return nil, err
		}
		var ready []float64
		for range starts - 1 {
			i, err := r.launch(ctx, "nop", "GRPC", nil)
			if err != nil {
				return nil, err
			}
			ready = append(ready, i.ready.Seconds()*milli)
			i.Stop(stopWithin)
		}
		i, err := r.launch(ctx, "nop", "GRPC", nil)
		if err != nil {
			return nil, err
		}
		defer i.Kill()
		ready = append(ready, i.ready.Seconds()*milli)
		if err := sleep(ctx, settle); err != nil {
			return nil, err
		}
		sampler := i.Watch(100 * time.Millisecond)
		defer sampler.Stop()
		cpu, err := i.spent(ctx, func() error { return sleep(ctx, idle) })
		if err != nil {
			return nil, err
		}
		return []Value{
			{Measure: "binary", Unit: "MiB", V: float64(info.Size()) / mebibyte},
			{Measure: "start-up", Unit: "ms", V: stats.Of(ready).Median},
			{Measure: "idle CPU", Unit: "ms/s", V: cpu.Seconds() * milli / idle.Seconds()},
			{Measure: "idle RSS", Unit: "MiB", V: sampler.Stop() / mebibyte},
		}, nil
	}}
}
