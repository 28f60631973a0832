package scrape

import (
	"time"

	"github.com/sluice-metrics/sluice/internal/breaker"
)

// Protection is what keeps targets and pipeline from more than they can bear. The zero value is no protection: targets are
// scraped as Prometheus does.
type Protection struct {
	// Rate bounds the requests of the manager, JobRate those of each job, TargetRate those to each target.
	Rate, JobRate, TargetRate Rate
	// MaxConcurrency bounds the scrapes under way; 0 is no bound. Jobs have their turns.
	MaxConcurrency int
	// Breaker leaves targets alone that fail; nil leaves none alone.
	Breaker *breaker.Config
	// Backpressure is what is done when the pipeline cannot keep up; nil is nothing.
	Backpressure *Backpressure
	// BatchSize is the most data points of a batch; 0 is no bound.
	BatchSize int
	// Jobs are protections of jobs by their names, which go before those above.
	Jobs map[string]JobProtection
}

// JobProtection is the protection of a job. What is zero is as for all jobs.
type JobProtection struct {
	Rate, TargetRate Rate
	MaxConcurrency   int
	// SampleBudget bounds the samples of one round of scrapes of all targets; 0 is no bound. Beyond it the targets of lowest
	// priority are left out.
	SampleBudget int
}

// Rate is a token bucket of requests. The zero value is no bound.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Strategy is what is done when the pipeline cannot keep up.
type Strategy string

// The strategies.
const (
	// Adaptive scrapes less often.
	Adaptive Strategy = "adaptive"
	// Drop leaves out scrapes for as long as the buffer is too full.
	Drop Strategy = "drop"
	// Block waits for room, and offers what was refused again until the next scrape is due.
	Block Strategy = "block"
)

// Backpressure is how the pipeline is spared.
type Backpressure struct {
	Strategy Strategy
	// BufferSize is how many samples may be on their way into the pipeline.
	BufferSize int
	// DropThreshold is the share of the buffer from which on scrapes are left out or stretched, AlertThreshold that from
	// which on it is told.
	DropThreshold, AlertThreshold float64
}

// maxGap is the longest time between two scrapes of a target that is left out: Prometheus looks back five minutes, and one
// scrape may fail.
const maxGap = 2 * time.Minute

// forJob is what counts for a job.
func (p *Protection) forJob(name string) JobProtection {
	own := p.Jobs[name]
	if own.Rate == (Rate{}) {
		own.Rate = p.JobRate
	}
	if own.TargetRate == (Rate{}) {
		own.TargetRate = p.TargetRate
	}
	return own
}
