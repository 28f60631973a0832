package limiter

import "sync/atomic"

// firstEstimate is what a request is taken for while there was none.
const firstEstimate = 4 << 10

// Estimate guesses how large the next request is from those before. It follows larger ones fast and smaller ones slowly,
// to err on the safe side. The zero Estimate is ready, and safe for concurrent use: of two observations at the same moment
// one may be lost.
type Estimate struct{ bytes atomic.Int64 }

// Bytes is the guess.
func (e *Estimate) Bytes() int64 {
	if b := e.bytes.Load(); b > 0 {
		return b
	}
	return firstEstimate
}

// Observe learns the size of a request.
func (e *Estimate) Observe(bytes int64) {
	guess := e.Bytes()
	if bytes > guess {
		e.bytes.Store(guess + (bytes-guess+1)/2)
		return
	}
	e.bytes.Store(max(guess-(guess-bytes)/16, 1))
}
