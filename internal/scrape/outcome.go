package scrape

import (
	"context"
	"errors"
	"net"

	"github.com/sluice-metrics/sluice/internal/promotlp"
)

// Outcome is a word for what became of a scrape.
type Outcome string

// The outcomes.
const (
	OK Outcome = "ok"
	// Refused: the page was good, and the pipeline did not take it.
	Refused Outcome = "refused"
	// OverBudget: the page was good, and the job's budget has no room for it.
	OverBudget  Outcome = "sample_budget"
	Timeout     Outcome = "timeout"
	Unreachable Outcome = "unreachable"
	BadStatus   Outcome = "status"
	TooLarge    Outcome = "too_large"
	NoMemory    Outcome = "no_memory"
	// Limited: beyond a limit on samples, labels or buckets.
	Limited     Outcome = "limit"
	TargetLimit Outcome = "target_limit"
	// Unreadable: the page is not in the format that it should have.
	Unreadable Outcome = "parse"
	Cancelled  Outcome = "cancelled"
)

// outcomeOf finds the word for an error of getting a page.
func outcomeOf(err error) Outcome {
	var status *StatusError
	var network net.Error
	switch {
	case errors.As(err, &status):
		return BadStatus
	case errors.Is(err, ErrTooLarge):
		return TooLarge
	case errors.Is(err, ErrNoMemory):
		return NoMemory
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return Timeout
	default:
		return Unreachable
	}
}

// outcomeOfPage finds the word for an error of reading a page.
func outcomeOfPage(err error) Outcome {
	if _, ok := errors.AsType[*promotlp.LimitError](err); ok {
		return Limited
	}
	return Unreadable
}
