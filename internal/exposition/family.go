package exposition

import (
	"sync"
	"sync/atomic"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/sluice-metrics/sluice/internal/series"
)

// family is all series of one name.
type family struct {
	name string
	typ  dto.MetricType
	// only is the type of the family in OpenMetrics where that has a word of its own for it.
	only string
	// dead is set, under its lock, when the family is no longer in its store.
	dead atomic.Bool

	mu familyState
}

type familyState struct {
	sync.Mutex
	help, unit string
	warned     [conflictKinds]bool
	// looked is when a conflict last led to a look for expired series.
	looked int64
	// misfit is set once a series did not fit the type that only tells.
	misfit bool
	// classic is set once the siblings know that the family has classic histograms.
	classic bool

	series *series.Table[record]
	// shapes holds the texts that the plain series of a shape have in common.
	shapes []shapeText
	// odd holds the labels of the series that are not plain.
	odd map[uint32]string
	// labels finds a series by all its labels, whatever they were made from.
	labels series.Index
	// states holds what is not a number. It is nil in families of numbers.
	states []state
	// exemplars holds those of counters.
	exemplars map[uint32]*exemplar
	// bounds are those of the last histogram, which the next one mostly shares.
	bounds *bounds
	// natives counts the series that are native histograms.
	natives int
	// stateBytes is the memory of states and exemplars; accounted is what the store was told of all memory.
	stateBytes, accounted int
}

// record is the state of one series. It holds no pointers.
type record struct {
	value   float64
	time    pcommon.Timestamp
	start   pcommon.Timestamp
	updated int64
	// labels is the hash of all labels.
	labels uint64
	// scope is the ID of the scope. In target_info it is 0, and start the serial of the resource.
	scope uint32
	batch uint32
	flags recordFlags
}

type recordFlags uint8

const (
	// flagDelta: the series is fed with deltas.
	flagDelta recordFlags = 1 << iota
	// flagPlain: the labels of the series, but those of its scope, are the values in its key behind the texts of its shape.
	flagPlain
	// flagWhole: the text of a series that is not plain has all labels, for one collides with one of its scope.
	flagWhole
)

// state is the value of a series that is not a number. It belongs to its family and is guarded by its lock.
type state interface {
	// size is about the memory held.
	size() int
	// message renders the value for a slow page; it shares nothing with the state.
	message(m *dto.Metric, r *record)
}

func newFamily(name string, kind metricKind) *family {
	f := &family{name: name, typ: kind.typ, only: kind.only}
	f.mu.series = series.NewTable[record]()
	return f
}

// bytes is about the memory the family holds.
func (f *family) bytes() int {
	const fixed = 600
	return fixed + f.mu.series.Bytes() + f.mu.labels.Bytes() + 16*cap(f.mu.states) + f.mu.stateBytes
}

// state returns nil where there is none.
func (f *family) state(slot uint32) state {
	if slot < uint32(len(f.mu.states)) {
		return f.mu.states[slot]
	}
	return nil
}

// keepState puts a state at a slot, without account of it.
func (f *family) keepState(slot uint32, st state) {
	for uint32(len(f.mu.states)) <= slot {
		f.mu.states = append(f.mu.states, nil)
	}
	f.mu.states[slot] = st
}

func (f *family) setState(slot uint32, st state) {
	f.forgetState(f.state(slot))
	f.keepState(slot, st)
	f.mu.stateBytes += st.size()
	if _, native := st.(*native); native {
		f.mu.natives++
	}
}

func (f *family) forgetState(st state) {
	if st == nil {
		return
	}
	f.mu.stateBytes -= st.size()
	if _, native := st.(*native); native {
		f.mu.natives--
	}
}

func (f *family) setExemplar(slot uint32, e *exemplar) {
	if old := f.mu.exemplars[slot]; old != nil {
		f.mu.stateBytes -= old.size()
		delete(f.mu.exemplars, slot)
	}
	if e != nil {
		f.keepExemplar(slot, e)
		f.mu.stateBytes += e.size()
	}
}

// keepExemplar puts an exemplar at a slot, without account of it.
func (f *family) keepExemplar(slot uint32, e *exemplar) {
	if f.mu.exemplars == nil {
		f.mu.exemplars = make(map[uint32]*exemplar)
	}
	f.mu.exemplars[slot] = e
}
