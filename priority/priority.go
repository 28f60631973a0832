// Package priority says who is told first when several want to know: the observers of an instrument, and those of a
// pipeline, share it.
package priority

import (
	"fmt"
	"strings"
)

// Priority orders observers: a higher one is told before a lower one. The zero value is Normal.
type Priority int8

// The priorities there are.
const (
	Low      Priority = -1
	Normal   Priority = 0
	High     Priority = 1
	Critical Priority = 2
)

// All returns the priorities in the order in which they are served.
func All() []Priority { return []Priority{Critical, High, Normal, Low} }

// Before reports whether p is served before other.
func (p Priority) Before(other Priority) bool { return p > other }

// Valid reports whether p is one of those declared here.
func (p Priority) Valid() bool { return p >= Low && p <= Critical }

// String returns the priority as configurations write it.
func (p Priority) String() string {
	switch p {
	case Critical:
		return "critical"
	case High:
		return "high"
	case Normal:
		return "normal"
	case Low:
		return "low"
	default:
		return fmt.Sprintf("Priority(%d)", int8(p))
	}
}

// MarshalText returns String, or an error if p is not valid.
func (p Priority) MarshalText() ([]byte, error) {
	if !p.Valid() {
		return nil, fmt.Errorf("priority: %d is none", int8(p))
	}
	return []byte(p.String()), nil
}

// UnmarshalText reads what String returns, in any case. No text is Normal.
func (p *Priority) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*p = Normal
		return nil
	}
	for _, candidate := range All() {
		if strings.EqualFold(string(text), candidate.String()) {
			*p = candidate
			return nil
		}
	}
	return fmt.Errorf("priority: %q is none of critical, high, normal, low", text)
}
