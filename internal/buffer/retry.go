package buffer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/sluice-metrics/sluice/internal/retryafter"
)

// after is how long to wait after so many refusals in a row: twice as long each time, at least as the taker asks, and
// spread by a fifth, since many buffers may wait for one taker.
func (r *Retry) after(refusals int, err error) time.Duration {
	wait := r.Initial
	for i := 1; i < refusals && wait < r.Max; i++ {
		wait *= 2
	}
	wait = max(min(wait, r.Max), min(retryafter.InError(err), r.Max))
	return wait + time.Duration(rand.Float64()*float64(wait)/5) //nolint:gosec // it need not be secret
}

// panicError is a taker's panic.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("the next component panicked: %v", e.value) }

// fate is what becomes of a batch after a refusal: a reason to drop it, or ok false to try again.
func fate(err error) (r Reason, ok bool) {
	var p *panicError
	switch {
	case errors.As(err, &p):
		return Panicked, true
	case permanent(err):
		return Permanent, true
	default:
		return 0, false
	}
}

// permanent reports whether nobody would take it. Of several takers' errors, all must be: one that would take it later has a
// right to get it.
func permanent(err error) bool {
	several, ok := err.(interface{ Unwrap() []error }) // only the fan-out's own list counts
	if !ok {
		return consumererror.IsPermanent(err)
	}
	for _, one := range several.Unwrap() {
		if !permanent(one) {
			return false
		}
	}
	return true
}
