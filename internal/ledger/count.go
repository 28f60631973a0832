package ledger

import "strconv"

// Count is a number that may be unknown, which is its zero value: what cannot be known must not read as 0.
type Count struct {
	n     int64
	known bool
}

// Known is a count of n.
func Known(n int64) Count { return Count{n, true} }

// Value returns the count, and whether it is known.
func (c Count) Value() (n int64, known bool) { return c.n, c.known }

// Plus adds two counts. The sum is unknown if one of them is.
func (c Count) Plus(d Count) Count {
	if !c.known || !d.known {
		return Count{}
	}
	return Known(c.n + d.n)
}

// Minus subtracts d, with the same rule as Plus.
func (c Count) Minus(d Count) Count { return c.Plus(Count{-d.n, d.known}) }

// NotBelowZero is c, or 0 where c is negative: a moment at which one of two counters is ahead must not show as less
// than nothing.
func (c Count) NotBelowZero() Count {
	if c.known && c.n < 0 {
		return Known(0)
	}
	return c
}

func (c Count) String() string {
	if !c.known {
		return "unknown"
	}
	return strconv.FormatInt(c.n, 10)
}

// MarshalJSON writes a number, or "unknown".
func (c Count) MarshalJSON() ([]byte, error) {
	if !c.known {
		return []byte(`"unknown"`), nil
	}
	return strconv.AppendInt(nil, c.n, 10), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *Count) UnmarshalJSON(text []byte) error {
	if string(text) == `"unknown"` {
		*c = Count{}
		return nil
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	*c = Known(n)
	return err
}
