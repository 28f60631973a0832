package buffer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// after is how long to wait after so many refusals in a row: twice as long each time, at least as the taker asks, and
// spread by a fifth, since many buffers may wait for one taker.
func (r *Retry) after(refusals int, err error) time.Duration {
	wait := r.Initial
	for i := 1; i < refusals && wait < r.Max; i++ {
		wait *= 2
	}
	wait = max(min(wait, r.Max), min(asked(err), r.Max))
	return wait + time.Duration(rand.Float64()*float64(wait)/5) //nolint:gosec // it need not be secret
}

// asked is what the error says of when to come back.
func asked(err error) time.Duration {
	for _, detail := range statusOf(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return max(info.GetRetryDelay().AsDuration(), 0)
		}
	}
	return 0
}

// statusOf is that of an error, or OK: the status of a nil error has no details.
func statusOf(err error) *status.Status {
	var coded interface{ GRPCStatus() *status.Status }
	if errors.As(err, &coded) {
		return coded.GRPCStatus()
	}
	return nil
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
