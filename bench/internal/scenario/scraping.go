package scenario

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sluice-metrics/sluice/bench/internal/proc"
	"github.com/sluice-metrics/sluice/bench/internal/scrape"
	"github.com/sluice-metrics/sluice/bench/internal/sink"
	"github.com/sluice-metrics/sluice/bench/internal/stats"
	"github.com/sluice-metrics/sluice/bench/internal/target"
)

// scrapingSize is how much of S1 and S4 there is to do.
type scrapingSize struct {
	targets, series int // series of each target
	churn           int // percent each scrape
	interval        time.Duration
	settle, span    time.Duration
}

func (s scrapingSize) name(what string) string {
	n := fmt.Sprintf("%d × %s series every %s%s", s.targets, count(s.series), s.interval, what)
	if s.churn > 0 {
		n += fmt.Sprintf(", %d %% churn", s.churn)
	}
	return n
}

func scraping(s scrapingSize) Case {
	return Case{Scenario: "S1", Name: s.name(" to nop"), confs: []string{"scrape"}, run: func(ctx context.Context, r *run) ([]Value, error) {
		return s.run(ctx, r, "scrape", nil)
	}}
}

func scrapingToRemoteWrite(s scrapingSize) Case {
	return Case{Scenario: "S1", Name: s.name(" to remote write"), confs: []string{"scrape_remote_write"}, run: func(ctx context.Context, r *run) ([]Value, error) {
		return s.run(ctx, r, "scrape_remote_write", nil)
	}}
}

// through is S4: the page is scraped at the same interval.
func through(s scrapingSize) Case {
	return Case{Scenario: "S4", Name: s.name(""), confs: []string{"through"}, run: func(ctx context.Context, r *run) ([]Value, error) {
		return s.run(ctx, r, "through", s.scrapePage)
	}}
}

// during is what else is done while a process scrapes; what it returns is measured too.
type during func(ctx context.Context, i *instance) ([]Value, error)

func (s scrapingSize) run(ctx context.Context, r *run, config string, also during) ([]Value, error) {
	targets := make([]*target.Target, s.targets)
	for i := range targets {
		targets[i] = target.New(target.Options{Number: i, Series: s.series, ChurnPercent: s.churn})
	}
	server, err := target.Serve(targets...)
	if err != nil {
		return nil, err
	}
	defer server.Close() //nolint:errcheck // the run is over
	free, err := proc.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	remote, err := sink.NewHTTP(free[0], sink.Mode{})
	if err != nil {
		return nil, err
	}
	defer remote.Close()
	i, err := r.launch(ctx, config, "TELEMETRY", map[string]string{
		"TARGETS": `["` + strings.Join(server.Addresses(), `","`) + `"]`, "INTERVAL": s.interval.String(), "SINK": free[0],
	})
	if err != nil {
		return nil, err
	}
	defer i.Kill()
	if err := s.warm(ctx, server); err != nil {
		return nil, err
	}
	return s.measure(ctx, i, server, also)
}

// warm waits until the targets have been scraped, which begins seconds after the start, and then for things to settle.
func (s scrapingSize) warm(ctx context.Context, server *target.Server) error {
	const within = 30 * time.Second
	for end := time.Now().Add(within); server.Samples() < int64(s.targets*s.series); {
		if time.Now().After(end) {
			return fmt.Errorf("the targets were not scraped in %s", within)
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return sleep(ctx, s.settle)
}

func (s scrapingSize) measure(ctx context.Context, i *instance, server *target.Server, also during) ([]Value, error) {
	sampler := i.Watch(200 * time.Millisecond)
	defer sampler.Stop()
	before := server.Samples()
	var more []Value
	cpu, err := i.spent(ctx, func() (err error) {
		if also == nil {
			return sleep(ctx, s.span)
		}
		more, err = also(ctx, i)
		return err
	})
	if err != nil {
		return nil, err
	}
	samples := server.Samples() - before
	if samples == 0 {
		return nil, fmt.Errorf("nothing was scraped in %s", s.span)
	}
	series := float64(s.targets * s.series)
	return append([]Value{
		{Measure: "CPU", Unit: "µs/sample", V: cpu.Seconds() * micro / float64(samples)},
		{Measure: "mean RSS", Unit: "bytes/series", V: sampler.Stop() / series},
	}, more...), nil
}

// scrapePage scrapes the page at the interval for the span.
func (s scrapingSize) scrapePage(ctx context.Context, i *instance) ([]Value, error) {
	var times []time.Duration
	for end := time.Now().Add(s.span); time.Now().Before(end); {
		began := time.Now()
		took, err := scrape.Run(ctx, scrape.Options{URL: "http://" + i.address["PULL"] + "/metrics", Gzip: true, Least: 1, Timeout: time.Minute})
		if err != nil {
			return nil, err
		}
		times = append(times, took.Times...)
		if err := sleep(ctx, s.interval-time.Since(began)); err != nil {
			return nil, err
		}
	}
	return []Value{{Measure: "scrape p50, gzip", Unit: "ms", V: stats.Quantile(times, 0.5).Seconds() * milli}}, nil
}
