package observerextension

import (
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/dispatch"
)

// quiet is how long a hook says nothing more after a log line.
const quiet = 10 * time.Second

// logFailures returns what logs the events that a hook loses, at most once in a while.
func (o *observer) logFailures(hook string) func(error, dispatch.Reason, int) {
	var last, unsaid atomic.Int64
	return func(err error, reason dispatch.Reason, n int) {
		lost := unsaid.Add(int64(n))
		now := time.Now().UnixNano()
		if before := last.Load(); before != 0 && now-before < int64(quiet) || !last.CompareAndSwap(before, now) {
			return
		}
		unsaid.Add(-lost)
		o.set.Logger.Warn("Hook failed; its events are dropped",
			zap.String("hook", hook), zap.Stringer("reason", reason), zap.Int64("events", lost), zap.Error(err))
	}
}

// logBroken returns what logs the first panic of a match.
func (o *observer) logBroken(hook string) func(error) {
	var said atomic.Bool
	return func(err error) {
		if !said.Swap(true) {
			o.set.Logger.Error("Match of a hook failed; the series counts as not matching", zap.String("hook", hook), zap.Error(err))
		}
	}
}
