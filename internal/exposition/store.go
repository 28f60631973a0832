package exposition

import (
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Store keeps the latest cumulative state of every series. All methods may be called concurrently.
//
// Locks are taken in this order, and none is held while a page is written: the store's, a family's, that of contexts.
// That of descriptors is never held together with another.
type Store struct {
	opts     Options
	names    *translator
	contexts contexts
	metrics  descriptors
	target   *descriptor
	// epoch is what the times of updates count from.
	epoch time.Time
	// siblings is nil for a store that is alone, given what its group gives to its series.
	siblings *Siblings
	given    map[string]string

	batches atomic.Uint32
	series  atomic.Int64
	// memory is that of the families.
	memory tally
	// overdue counts the series that expired when they were in the way, before Expire came.
	overdue atomic.Int64

	mu struct {
		sync.RWMutex
		families map[string]*family
		samples  nameTable
		// catalog is nil when families came or went since it was made.
		catalog *catalog
	}
}

// NewStore returns an empty store. It starts no goroutine: the caller calls Expire from time to time.
func NewStore(opts Options) *Store {
	return newStore(opts, newTranslator(opts.Strategy, opts.Namespace))
}

func newStore(opts Options, names *translator) *Store {
	s := &Store{opts: opts, names: names, contexts: newContexts(), target: targetDescriptor(), epoch: time.Now()}
	s.mu.families = make(map[string]*family)
	s.mu.samples = make(nameTable)
	return s
}

// Add takes a batch and reports what became of its points. It keeps nothing of md and changes nothing in it. Points
// become visible metric by metric; all values of one series change at once.
func (s *Store) Add(md pmetric.Metrics) Outcome {
	b := batch{Store: s, number: s.batches.Add(1), now: s.now(), wall: pcommon.NewTimestampFromTime(time.Now())}
	b.read(md)
	return b.out
}

// AddResource is Add for one resource of a batch.
func (s *Store) AddResource(rm pmetric.ResourceMetrics) Outcome {
	b := batch{Store: s, number: s.batches.Add(1), now: s.now(), wall: pcommon.NewTimestampFromTime(time.Now())}
	b.readResource(rm)
	return b.out
}

// Len returns the number of series held.
func (s *Store) Len() int { return int(s.series.Load()) }

// Memory returns about how many bytes the series and what belongs to them take.
func (s *Store) Memory() int64 { return s.memory.load() + s.contexts.bytes.load() }

// now is the time since the store was made, which no change of the clock moves.
func (s *Store) now() int64 { return int64(time.Since(s.epoch)) }
