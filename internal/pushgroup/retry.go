package pushgroup

import (
	"math"
	"math/rand/v2"
	"time"
)

// Retry says when a push is tried again that failed for now. What is sent then is the latest state.
type Retry struct {
	Enabled       bool
	Initial, Max  time.Duration
	Multiplier    float64
	Randomization float64
	MaxElapsed    time.Duration
}

// after is how long to wait after so many failures in a row.
func (r *Retry) after(failures int) time.Duration {
	wait := float64(r.Initial) * math.Pow(max(r.Multiplier, 1), float64(failures-1))
	wait = min(wait, float64(r.Max))
	wait *= 1 + r.Randomization*(2*random()-1)
	return time.Duration(wait)
}

// random spreads what many collectors do.
var random = rand.Float64

// exhausted reports whether a push that has failed since then is left alone until its next regular turn.
func (r *Retry) exhausted(since, now time.Time) bool {
	return !r.Enabled || r.MaxElapsed > 0 && now.Sub(since) >= r.MaxElapsed
}
