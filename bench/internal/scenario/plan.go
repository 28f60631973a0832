package scenario

import (
	"slices"
	"time"
)

// Plan is what a bench runs, and how long it may take.
type Plan struct {
	Name      string
	Rounds    int           // at most: further rounds are left out when they do not fit into Budget
	Budget    time.Duration // for the whole processes; the first round is run in any case
	Cases     []Case
	InProcess InProcess
	Compared  bool // cases that Sluice cannot take are left out: there is no time for figures without a ratio
}

// InProcess is how the Go benchmarks are run.
type InProcess struct {
	Budget    time.Duration // after which what is left of them is left out
	BenchTime string
	Count     int
	Short     bool
}

// Only keeps the cases of the scenarios named; none named means all.
func (p *Plan) Only(scenarios []string) {
	if len(scenarios) == 0 {
		return
	}
	p.Cases = slices.DeleteFunc(p.Cases, func(c Case) bool { return !slices.Contains(scenarios, c.Scenario) })
}

const second = time.Second

// Smoke proves in seconds that everything runs. Its figures mean nothing.
func Smoke() Plan {
	tiny := scrapingSize{targets: 2, series: 100, interval: second, span: 2 * second}
	signal := shutdownSize{points: 100, rate: 4000, before: second / 2, limit: 2 * second}
	stored := signal
	stored.storage = true
	return Plan{Name: "smoke", Rounds: 1, Budget: 45 * second, Cases: []Case{
		footprint(1, 0, second/2),
		scraping(tiny),
		pull(pullSize{payloads: 4, points: 100, rounds: 2, scrapes: 2}),
		pull(pullSize{payloads: 4, points: 100, rounds: 2, churn: 10, scrapes: 2}),
		process(filterAndTransform, 4, 100, 1, 2, 3),
		process(twentyRules, 4, 100, 1, 2, 3),
		through(tiny),
		shutdown(deadDownstream, signal),
		shutdown(hangingDownstream, signal),
		shutdown(deadDownstream, stored),
		overload("gRPC", 4, 500, 4, second),
		overload("HTTP", 4, 500, 4, second),
	}}
}

// Short gives ratios in five minutes.
func Short() Plan {
	signal := shutdownSize{points: 1000, rate: 20_000, before: 2 * second, limit: 28 * second}
	scrapes := scrapingSize{targets: 10, series: 2000, interval: 2 * second, settle: 2 * second, span: 6 * second}
	return Plan{
		Name: "short", Rounds: 3, Budget: 215 * second, Compared: true,
		InProcess: InProcess{Budget: 60 * second, BenchTime: "30ms", Count: 2, Short: true},
		Cases: []Case{
			footprint(3, second, 2*second),
			scraping(scrapes),
			pull(pullSize{payloads: 8, points: 1000, rounds: 20, scrapes: 3, span: second}),
			pull(pullSize{payloads: 80, points: 1000, rounds: 4, scrapes: 1, span: second}),
			pull(pullSize{payloads: 8, points: 1000, rounds: 20, churn: 10, scrapes: 3, span: second}),
			process(filterAndTransform, 100, 1000, 2, 5, 2),
			process(twentyRules, 100, 1000, 2, 5, 2),
			through(scrapes),
			shutdown(deadDownstream, signal), // waiting for one that hangs takes a minute
			overload("gRPC", 64, 5000, 16, 6*second),
		},
	}
}

// Full is the measurement to publish, in thirty minutes.
func Full() Plan {
	signal := shutdownSize{points: 1000, rate: 20_000, before: 8 * second, limit: 40 * second}
	stored := signal
	stored.storage = true
	scrapes := scrapingSize{targets: 10, series: 10_000, interval: 5 * second, settle: 10 * second, span: 20 * second}
	churning := scrapes
	churning.churn = 10
	return Plan{
		Name: "full", Rounds: 3, Budget: 25 * time.Minute,
		InProcess: InProcess{Budget: 4 * time.Minute, BenchTime: "100ms", Count: 3},
		Cases: []Case{
			footprint(5, 3*second, 10*second),
			scraping(scrapes),
			scraping(churning),
			scrapingToRemoteWrite(scrapes),
			pull(pullSize{payloads: 8, points: 1000, rounds: 40, scrapes: 5, span: 2 * second}),
			pull(pullSize{payloads: 80, points: 1000, rounds: 8, scrapes: 3, span: 2 * second}),
			pull(pullSize{payloads: 80, points: 1000, rounds: 8, churn: 10, scrapes: 2, span: 2 * second}),
			pull(pullSize{payloads: 400, points: 1000, rounds: 2, scrapes: 1, span: 2 * second}),
			pull(pullSize{payloads: 794, points: 1000, rounds: 1, scrapes: 1, span: 2 * second}),
			process(filterAndTransform, 100, 1000, 4, 12, 3),
			process(twentyRules, 100, 1000, 4, 12, 2),
			through(scrapes),
			shutdown(deadDownstream, signal),
			shutdown(slowDownstream, signal),
			shutdown(hangingDownstream, signal),
			shutdown(deadDownstream, stored),
			overload("gRPC", 64, 5000, 16, 20*second),
			overload("HTTP", 64, 5000, 16, 20*second),
		},
	}
}
