package scenario

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/sluice-metrics/sluice/bench/internal/load"
	"github.com/sluice-metrics/sluice/bench/internal/scrape"
	"github.com/sluice-metrics/sluice/bench/internal/stats"
)

const clients = 4

// requestTimeout bounds a request that is expected to be answered.
const requestTimeout = 60 * time.Second

// pullSize is how much of S2 there is to do.
type pullSize struct {
	payloads int
	points   int // of each payload
	rounds   int // after the first
	churn    int // percent each round
	scrapes  int // at least, plain and gzip each
	span     time.Duration
}

func (s pullSize) shape() load.Shape { return load.Shape{Points: s.points, HistogramPercent: 2} }

// series is what the fleet becomes: 2 % of the points are 14 series each.
func (s pullSize) series() int {
	histograms := s.points * 2 / 100
	return s.payloads * (s.points - histograms + 14*histograms)
}

func pull(s pullSize) Case {
	const bytesPerSeries = 10_000 // the dearer of the peers takes about 7,000 and the generator 400
	name := count(s.series()) + " series"
	if s.churn > 0 {
		name += fmt.Sprintf(", %d %% churn a round", s.churn)
	}
	c := Case{Scenario: "S2", Name: name, confs: []string{"pull"}, memory: int64(s.series()) * bytesPerSeries}
	if s.churn == 0 {
		c.Series = s.series()
	}
	c.run = s.run
	return c
}

func (s pullSize) run(ctx context.Context, r *run) ([]Value, error) {
	fleet, err := r.fleet(s.payloads, s.shape())
	if err != nil {
		return nil, err
	}
	i, err := r.launch(ctx, "pull", "GRPC", nil)
	if err != nil {
		return nil, err
	}
	defer i.Kill()
	first, err := i.ingest(ctx, fleet, load.Options{Rounds: 1})
	if err != nil {
		return nil, err
	}
	again, err := i.ingest(ctx, fleet, load.Options{Rounds: s.rounds, ChurnPercent: s.churn})
	if err != nil {
		return nil, err
	}
	values := []Value{
		{Measure: "ingest, first sight", Unit: "µs CPU/point", V: first},
		{Measure: "ingest, afterwards", Unit: "µs CPU/point", V: again},
	}
	page, err := s.scrapePages(ctx, i)
	if err != nil {
		return nil, err
	}
	usage, err := i.Usage()
	if err != nil {
		return nil, err
	}
	return append(append(values, page...), Value{Measure: "peak RSS", Unit: "MiB", V: float64(usage.Peak) / mebibyte}), nil
}

// ingest sends the fleet, all of which must be accepted, and returns microseconds of CPU per point.
func (i *instance) ingest(ctx context.Context, fleet load.Fleet, o load.Options) (float64, error) {
	o.Address, o.Clients, o.Timeout = i.address["GRPC"], clients, requestTimeout
	var sent load.Result
	cpu, err := i.spent(ctx, func() (err error) {
		sent, err = load.Run(ctx, fleet, o)
		return err
	})
	if err != nil {
		return 0, err
	}
	if sent.Accepted != sent.Sent || sent.Sent.Points == 0 {
		return 0, fmt.Errorf("%d of %d points accepted: %w", sent.Accepted.Points, sent.Sent.Points, sent.LastError)
	}
	return cpu.Seconds() * micro / float64(sent.Sent.Points), nil
}

func (s pullSize) scrapePages(ctx context.Context, i *instance) ([]Value, error) {
	o := scrape.Options{URL: "http://" + i.address["PULL"] + "/metrics", Least: s.scrapes, Most: 200, Span: s.span, Timeout: 5 * time.Minute}
	series, err := scrape.Series(ctx, o)
	if err != nil {
		return nil, err
	}
	// target_info and the like may come on top, but nothing may be missing.
	if series < int64(s.series()) {
		return nil, fmt.Errorf("the page has %d series of %d", series, s.series())
	}
	values := []Value{{Measure: "series on the page", Better: Neither, V: float64(series)}}
	for _, o.Gzip = range []bool{false, true} {
		var took scrape.Result
		cpu, err := i.spent(ctx, func() (err error) {
			took, err = scrape.Run(ctx, o)
			return err
		})
		if err != nil {
			return nil, err
		}
		kind := map[bool]string{false: "plain", true: "gzip"}[o.Gzip]
		values = append(values,
			Value{Measure: "scrape p50, " + kind, Unit: "ms", V: stats.Quantile(took.Times, 0.5).Seconds() * milli},
			Value{Measure: "scrape, " + kind, Unit: "µs CPU/series", V: cpu.Seconds() * micro / float64(len(took.Times)) / float64(series)},
			Value{Measure: "page, " + kind, Unit: "MiB", V: float64(took.Bytes) / mebibyte, Better: Neither})
	}
	return values, nil
}

// count writes a number as people say it: 504k, 1M.
func count(n int) string {
	switch {
	case n >= 999_500:
		return fmt.Sprintf("%.3gM", float64(n)/1e6)
	case n >= 1000:
		return fmt.Sprintf("%.4gk", float64(n)/1e3)
	default:
		return strconv.Itoa(n)
	}
}
