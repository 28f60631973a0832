package ledger

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// Ledger holds the accounts of all components of a process, those of earlier configurations included: a reload ends
// instances of components, not their accounts, which are kept by component ID. Its zero value is empty and does not
// count. Safe for concurrent use.
type Ledger struct {
	counting atomic.Bool

	mu         sync.Mutex
	receivers  map[string]*Receiver
	processors accounts[*Processor, processorSum]
	exporters  accounts[*Exporter, ExporterLine]
}

// Count switches counting on or off. It is meant to be called before data flows: points of a time in which the ledger
// did not count are in no account.
func (l *Ledger) Count(on bool) { l.counting.Store(on) }

// Counting tells whether points are counted. It costs a load.
func (l *Ledger) Counting() bool { return l.counting.Load() }

// instance is a component of one configuration, whose account can be put into a line.
type instance[L any] interface {
	comparable
	componentID() string
	// line is the account now; settled tells that the component has stopped and no number will change.
	line() (line L, settled bool)
}

// line adds up the accounts of a component's instances, the older first.
type line[L any] interface{ followedBy(L) L }

// accounts are the instances that may still change and, by component ID, the lines of those that will not.
type accounts[I instance[L], L line[L]] struct {
	live   []I
	closed map[string]L
	// generation counts configurations: instances of one all stop before those of the next are opened.
	generation int
}

// open adds an instance and closes the accounts of those that have stopped.
func (a *accounts[I, L]) open(i I) {
	before := len(a.live)
	a.live = slices.DeleteFunc(a.live, func(old I) bool {
		line, settled := old.line()
		if settled {
			a.add(a.closedLines(), old.componentID(), line)
		}
		return settled
	})
	if len(a.live) < before {
		a.generation++
	}
	a.live = append(a.live, i)
}

func (a *accounts[I, L]) closedLines() map[string]L {
	if a.closed == nil {
		a.closed = map[string]L{}
	}
	return a.closed
}

func (*accounts[I, L]) add(to map[string]L, id string, line L) {
	if old, ok := to[id]; ok {
		line = old.followedBy(line)
	}
	to[id] = line
}

// lines are the accounts of all components, by ID.
func (a *accounts[I, L]) lines() map[string]L {
	out := make(map[string]L, len(a.closed)+len(a.live))
	maps.Copy(out, a.closed)
	for _, i := range a.live {
		line, _ := i.line()
		a.add(out, i.componentID(), line)
	}
	return out
}
