package drainextension

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// hearing is how long a signal may take from the collector, which has it already, to here.
const hearing = 50 * time.Millisecond

// signals are what tells a shutdown from a reload where no entry point of ours does. The collector hears them too, and
// acts on them; here they are only noticed. A nil signals hears nothing.
type signals struct{ ch chan os.Signal }

func hearSignals() *signals {
	s := &signals{make(chan os.Signal, 1)}
	signal.Notify(s.ch, syscall.SIGINT, syscall.SIGTERM)
	return s
}

// heard is the name of the signal that came, if one did.
func (s *signals) heard() string {
	if s == nil {
		return ""
	}
	select {
	case sig := <-s.ch:
		return sig.String()
	case <-time.After(hearing):
		return ""
	}
}

func (s *signals) ignore() {
	if s != nil {
		signal.Stop(s.ch)
	}
}
