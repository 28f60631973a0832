package scenario

import (
	"context"
	"time"

	"github.com/sluice-metrics/sluice/bench/internal/load"
	"github.com/sluice-metrics/sluice/bench/internal/proc"
	"github.com/sluice-metrics/sluice/bench/internal/sink"
)

// overload sends as fast as answers come to a process whose downstream is slow.
func overload(protocol string, payloads, points, senders int, span time.Duration) Case {
	return Case{
		Scenario: "S6", Name: "OTLP/" + protocol + ", limit 512 MiB", confs: []string{"overload"}, memory: 6 << 30,
		run: func(ctx context.Context, r *run) ([]Value, error) {
			fleet, err := r.fleet(payloads, load.Shape{Points: points, HistogramPercent: 2})
			if err != nil {
				return nil, err
			}
			free, err := proc.FreeAddresses(1)
			if err != nil {
				return nil, err
			}
			s, err := sink.NewOTLP(free[0], sink.Mode{Delay: 500 * time.Millisecond})
			if err != nil {
				return nil, err
			}
			defer s.Close()
			i, err := r.launch(ctx, "overload", "GRPC", map[string]string{"SINK": free[0]})
			if err != nil {
				return nil, err
			}
			defer i.Kill()
			o := load.Options{HTTP: protocol == "HTTP", Address: i.address["GRPC"], Clients: senders, Duration: span, Timeout: 10 * time.Second}
			if o.HTTP {
				o.Address = i.address["HTTP"]
			}
			var sent load.Result
			cpu, err := i.spent(ctx, func() (err error) {
				sent, err = load.Run(ctx, fleet, o)
				return err
			})
			if err != nil {
				return nil, err
			}
			usage, err := i.Usage()
			if err != nil {
				return nil, err
			}
			return overloadValues(sent, cpu, usage), nil
		},
	}
}

func overloadValues(sent load.Result, cpu time.Duration, usage proc.Usage) []Value {
	requests := float64(max(sent.Sent.Requests, 1))
	values := []Value{
		{Measure: "peak RSS", Unit: "MiB", V: float64(usage.Peak) / mebibyte},
		{Measure: "accepted", Unit: "points/s", V: float64(sent.Accepted.Points) / sent.Took.Seconds(), Better: Neither},
		{Measure: "refused", Unit: "% of requests", V: 100 * float64(sent.Refused.Requests) / requests, Better: Neither},
		{Measure: "failed or timed out", Unit: "% of requests", V: 100 * float64(sent.Failed.Requests) / requests},
		{Measure: "CPU", Unit: "s", V: cpu.Seconds(), Better: Neither},
	}
	if n := sent.Refused.Requests; n > 0 {
		values = append(values,
			Value{Measure: "CPU per refused request", Unit: "ms", V: cpu.Seconds() * milli / float64(n)},
			Value{Measure: "refusals that say when to retry", Unit: "%", V: 100 * float64(sent.RetryAfter) / float64(n), Better: Higher})
	}
	return values
}
