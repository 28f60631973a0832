package pushgroup

import (
	"context"
	"time"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/exposition"
	"github.com/sluice-metrics/sluice/internal/limiter"
)

// Mode is what becomes of the groups when the engine stops.
type Mode string

// The modes.
const (
	// FinalPush sends the last state of the groups that changed.
	FinalPush Mode = "final_push"
	// Delete deletes the groups that were pushed.
	Delete Mode = "delete"
	// Keep leaves everything as it was last pushed.
	Keep Mode = "keep"
)

// Options configures an Engine.
type Options struct {
	// URL is that of the gateway, with its route prefix and without a slash at its end.
	URL string
	// Store are those of each group; MaxMemory bounds all of them together.
	Store exposition.Options
	// Rules make the labels of a group; the one of the job is first.
	Rules []Rule
	// Method is PUT or POST.
	Method string
	// Interval is how often a group has its turn at most.
	Interval time.Duration
	// TTL is after how long without a point a group is deleted; 0 means never.
	TTL time.Duration
	// MaxGroups bounds the groups; 0 means no bound.
	MaxGroups int
	// MaxBody bounds the bytes of a push, uncompressed; 0 means no bound.
	MaxBody int
	// Concurrency is how many requests are under way at once.
	Concurrency int
	// Retry says when a push that failed for now is tried again.
	Retry Retry
	// Rate bounds requests, those of probes apart.
	Rate limiter.Rate
	// Breaker leaves a gateway alone that does not work; nil means none.
	Breaker *breaker.Config
	// Probe is how often the gateway is asked whether it is ready; 0 means never.
	Probe time.Duration
	// OnShutdown says how Shutdown ends, Patience how long it takes at most.
	OnShutdown Mode
	Patience   time.Duration
}

// Outcome is what became of a push or a deletion.
type Outcome string

// The outcomes.
const (
	// OutcomeOK: the gateway holds the state.
	OutcomeOK Outcome = "ok"
	// OutcomePartial: it does but for some families.
	OutcomePartial Outcome = "partial"
	// OutcomeRetry: it is tried again.
	OutcomeRetry Outcome = "retry"
	// OutcomePermanent: it is not, before there is something new.
	OutcomePermanent Outcome = "permanent"
	// OutcomeCanceled: it was given up because time had run out or there was no room.
	OutcomeCanceled Outcome = "canceled"
)

// Report tells of one push or deletion.
type Report struct {
	// Group is its path.
	Group   string
	Outcome Outcome
	// Reason is the status of the answer that decided, or "timeout", "network", "canceled" or "none".
	Reason string
	// Why describes the answer if the outcome is not OK.
	Why error
	// Took is the time of all requests; Bytes, uncompressed, and Series are those of what the gateway took.
	Took          time.Duration
	Bytes, Series int
	Requests      int
}

// Listener is told what happens. Its methods are called concurrently; they must not block or call the engine.
type Listener interface {
	// Begin is called when a group has its turn; what it returns is the context of its requests, and called at the end, with
	// what went wrong.
	Begin(ctx context.Context, group string) (context.Context, func(error))
	// Pushed and Deleted are called at the end of each turn of a group.
	Pushed(r Report)
	Deleted(r Report)
	// Refused tells that the gateway refuses a family of a group, and for how long it is left out.
	Refused(group, family string, why error, rest time.Duration)
	// Dropped tells that series were not pushed.
	Dropped(reason Reason, series int)
	// Expired tells that series were removed because nothing came.
	Expired(series int)
	// Unchecked is called once: the gateway does not check what it is sent.
	Unchecked()
	// Health is called when the gateway begins to fail, with the reason, and with nil when it is well again.
	Health(err error)
}
