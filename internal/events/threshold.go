package events

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// phase is where a value is with respect to a bound.
type phase uint8

const (
	within phase = iota
	pending
	firing
)

// state is that of one series and one bound.
type state struct {
	since pcommon.Timestamp
	phase phase
}

// step moves on with a value and reports whether the bound is crossed by that, or left. NaN says nothing.
func (s *state) step(b *Bound, v float64, at pcommon.Timestamp) bool {
	switch {
	case s.phase == firing:
		if b.back(v) {
			s.phase = within
			return true
		}
		return false
	case !b.beyond(v):
		if !math.IsNaN(v) {
			s.phase = within
		}
		return false
	case s.phase == within:
		s.phase, s.since = pending, at
	}
	if at >= s.since && at.AsTime().Sub(s.since.AsTime()) >= b.For {
		s.phase = firing
		return true
	}
	return false
}
