package scrape

import (
	"context"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/turnstile"
)

// gate is what the targets of a job have to pass. What is nil in it lets all pass.
type gate struct {
	JobProtection
	name    string
	breaker *breaker.Config
	// all is the bucket of the manager, job that of the job.
	all, job *bucket
	// running bounds the scrapes of the manager, own those of the job.
	running, own *turnstile.Turnstile
	quota        *quota
}

func (s *shared) newGate(job string) *gate {
	own := s.Protection.forJob(job)
	return &gate{
		JobProtection: own, name: job, breaker: s.Protection.Breaker,
		all: s.bucket, job: newBucket(own.Rate),
		running: s.turnstile, own: turnstile.New(own.MaxConcurrency),
		quota: newQuota(own.SampleBudget),
	}
}

// enter waits for a place, for which leave is to be called. It reports false if the context ends first.
func (g *gate) enter(ctx context.Context) bool {
	if g.own.Enter(ctx, "") != nil {
		return false
	}
	if g.running.Enter(ctx, g.name) != nil {
		g.own.Leave()
		return false
	}
	return true
}

func (g *gate) leave() {
	g.running.Leave()
	g.own.Leave()
}
