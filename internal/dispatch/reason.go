package dispatch

// Reason says why an event was not delivered.
type Reason uint8

// The reasons there are.
const (
	// Full is for want of room.
	Full Reason = iota
	// Failed is for an error of a lane that does not retry.
	Failed
	// TimedOut is for a delivery that took longer than it may, of a lane that does not retry.
	TimedOut
	// Panicked is for a receiver that panics, which is not tried again.
	Panicked
	// Rejected is for an error that is Permanent.
	Rejected
	// Exhausted is for an error that lasted through all retries.
	Exhausted
	// Stopped is for what could not be delivered before the end.
	Stopped
	// Unsubscribed is for what waited when its receiver left.
	Unsubscribed
	// Looped is for what a receiver has caused itself.
	Looped
	// Debounced is for what a later event has replaced.
	Debounced
	reasons
)

// Reasons returns all of them.
func Reasons() []Reason {
	all := make([]Reason, 0, reasons)
	for r := range reasons {
		all = append(all, r)
	}
	return all
}

func (r Reason) String() string {
	names := [...]string{
		"overflow", "error", "timeout", "panic", "rejected", "retries_exhausted", "shutdown", "unsubscribed", "loop", "debounced",
	}
	if int(r) < len(names) {
		return names[r]
	}
	return "unknown"
}
