package buffer

import (
	"math"
	"time"
)

// drainRate is how much leaves per second, of late. Buffer.mu guards it.
type drainRate struct {
	perSecond float64
	at        time.Time
}

const (
	// rateMemory is how long ago counts for about a third.
	rateMemory = 10 * time.Second
	// Nobody is asked to come back sooner or later than that.
	shortestDelay = time.Second
	longestDelay  = 30 * time.Second
)

func (r *drainRate) decay(now time.Time) {
	if dt := now.Sub(r.at); dt > 0 {
		r.perSecond *= math.Exp(-dt.Seconds() / rateMemory.Seconds())
		r.at = now
	}
}

func (r *drainRate) left(now time.Time, n int64) {
	r.decay(now)
	r.perSecond += float64(n) / rateMemory.Seconds()
}

// delay is how long it takes until there is room for n more.
func (r *drainRate) delay(now time.Time, n int64) time.Duration {
	r.decay(now)
	seconds := float64(n) / r.perSecond // +Inf when nothing leaves
	if !(seconds < longestDelay.Seconds()) {
		return longestDelay
	}
	return max(shortestDelay, time.Duration(seconds*float64(time.Second)))
}
