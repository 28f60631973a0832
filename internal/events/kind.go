package events

import "fmt"

// Kind is what has happened.
type Kind uint8

// The kinds of events.
const (
	// Created is for a series that comes for the first time, or again after it was removed.
	Created Kind = iota
	// Updated is for a series whose value is another than before.
	Updated
	// Removed is for a series that ended with a stale marker or has not come for a while.
	Removed
	// Threshold is for a series whose value has crossed a bound, or is back.
	Threshold
	// Changed is for a metric whose type, unit or description is another than before.
	Changed
	// Reset is for a counter that has begun anew.
	Reset
	// Cardinality is for a metric whose number of series has crossed a bound, or is back.
	Cardinality
	kinds
)

var kindNames = [kinds]string{"created", "updated", "removed", "threshold", "changed", "reset", "cardinality"}

func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// MarshalText returns String.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what String returns.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, name := range kindNames {
		if name == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %s", text, "created, updated, removed, threshold, changed, reset, cardinality")
}

// Kinds is a set of them.
type Kinds uint8

// KindsOf returns the set of the given kinds.
func KindsOf(list ...Kind) Kinds {
	var s Kinds
	for _, k := range list {
		s |= 1 << k
	}
	return s
}

// Has reports whether the set has a kind.
func (s Kinds) Has(k Kind) bool { return s&(1<<k) != 0 }

// Cause is why a series was removed.
type Cause uint8

// The causes there are.
const (
	// None is for what was not removed.
	None Cause = iota
	// Stale is for a marker that says that the series has ended.
	Stale
	// Expired is for a series that has not come for a while.
	Expired
)

func (c Cause) String() string {
	switch c {
	case Stale:
		return "stale"
	case Expired:
		return "expired"
	case None:
		return ""
	default:
		return fmt.Sprintf("Cause(%d)", uint8(c))
	}
}
