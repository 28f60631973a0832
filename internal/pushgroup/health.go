package pushgroup

import (
	"errors"
	"sync"
)

// complaint is a way in which a gateway is not well.
type complaint int

const (
	notReady complaint = iota
	breakerOpen
	pushesRefused
	complaints
)

// health tells the listener when the first complaint comes and when the last is gone, in that order.
type health struct {
	tell func(error)

	mu   sync.Mutex
	open [complaints]error
	ill  bool
}

// set begins a complaint, or with nil ends it.
func (h *health) set(c complaint, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[c] = err
	all := errors.Join(h.open[:]...)
	if (all != nil) != h.ill {
		h.ill = all != nil
		h.tell(all)
	}
}
