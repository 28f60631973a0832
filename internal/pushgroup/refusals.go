package pushgroup

import (
	"strings"
	"time"
)

// maxRest bounds how long a refused family is left out before it is tried again.
const maxRest = time.Hour

// refusals are the families of a group that the gateway refuses. They are left out of pushes for a while, which doubles
// each time they are refused again.
type refusals map[string]refusal

type refusal struct {
	until time.Time
	times int
}

// add remembers one more refusal and returns for how long the family is left out.
func (r *refusals) add(name []byte, interval time.Duration, now time.Time) time.Duration {
	if *r == nil {
		*r = make(refusals)
	}
	times := (*r)[string(name)].times
	rest := min(interval, maxRest)
	for range times {
		rest = min(2*rest, maxRest)
	}
	(*r)[strings.Clone(string(name))] = refusal{until: now.Add(rest), times: times + 1}
	return rest
}

// rests reports whether a family is left out now.
func (r refusals) rests(name []byte, now time.Time) bool {
	if len(r) == 0 {
		return false
	}
	known, ok := r[string(name)]
	return ok && now.Before(known.until)
}

func (r refusals) has(name []byte) bool {
	_, ok := r[string(name)]
	return ok
}

// accept forgets the families that were due and not refused again: the gateway took them, or there are none of the name.
func (r refusals) accept(now time.Time) {
	for name, known := range r {
		if !now.Before(known.until) {
			delete(r, name)
		}
	}
}

// due reports whether a family is to be tried again.
func (r refusals) due(now time.Time) bool {
	for _, known := range r {
		if !now.Before(known.until) {
			return true
		}
	}
	return false
}
