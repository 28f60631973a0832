package buffer

// Reason says why points were dropped.
type Reason int

// The reasons.
const (
	// Permanent: the taker refused them for good.
	Permanent Reason = iota
	// Panicked: the taker panicked.
	Panicked
	// Poison: the taker refused them again and again while it took others.
	Poison
	// Unreadable: what was on disk is damaged, or no metrics.
	Unreadable
	// Stopped: the process ended with them in memory and no storage to keep them.
	Stopped
	reasons
)

var reasonNames = [reasons]string{"permanent", "panic", "poison", "unreadable", "shutdown"}

func (r Reason) String() string { return reasonNames[r] }

// Reasons are all of them.
func Reasons() []Reason { return []Reason{Permanent, Panicked, Poison, Unreadable, Stopped} }
