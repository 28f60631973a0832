package events

import (
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/series"
)

// shards is a power of two. A scope of a resource is in one of them, with all its series, so that batches of different
// targets seldom wait for each other.
const shards = 16

// shard is a part of the memory.
type shard struct {
	mu     sync.Mutex
	groups map[series.Fingerprint]*group
	// numbers are those of metrics that are gone.
	numbers []uint32
	next    uint32
	table   *series.Table[record]
	render  renderer
	_       [64]byte // keeps the locks of neighbours out of one cache line
}

// group is one scope of one resource.
type group struct {
	resource *Resource // nil until something is to be said of it
	scope    *Scope
	// metrics are in the order in which they came first, which is mostly that of each batch.
	metrics []entry
	byName  map[string]int
	cursor  int
	// generation is that of the hooks for which the metrics were looked at.
	generation uint64
	seen       int64
}

// entry is a metric of a group. If it is decided and there is no metric, no hook is for it.
type entry struct {
	name    string
	decided bool
	metric  *metric
	seen    int64
}

// metric is one that hooks are for.
type metric struct {
	name       string
	descriptor *Descriptor
	// number is the metric's in the keys of its series.
	number uint32
	hooks  []*Hook
	// set is that of all series, nil if it depends on them.
	set *hookSet
	// verdicts, if hooks are asked for each series and look at some attributes only, are remembered by these. Then series that no
	// hook is for are not.
	verdicts *verdicts
	// batch is the last one that it came in.
	batch uint64
	// series is how many there are in memory.
	series int
}

// record is a series.
type record struct {
	series *Series // nil if no hook is told of single series
	metric *metric
	set    *hookSet
	// states are those of the set's hooks on Threshold.
	states     []state
	last       Sample
	seen       int64
	generation uint64
}

// at returns the place of a metric, which it mostly finds behind that of the last one, or nil if it is not known.
func (g *group) at(name string) *entry {
	if g.cursor >= len(g.metrics) {
		g.cursor = 0
	}
	if g.cursor < len(g.metrics) && g.metrics[g.cursor].name == name {
		g.cursor++
		return &g.metrics[g.cursor-1]
	}
	return g.atOther(name)
}

func (g *group) atOther(name string) *entry {
	i, known := g.byName[name]
	if !known {
		return nil
	}
	g.cursor = i + 1
	return &g.metrics[i]
}

func (g *group) add(name string) *entry {
	own := strings.Clone(name)
	g.byName[own] = len(g.metrics)
	g.metrics = append(g.metrics, entry{name: own})
	g.cursor = len(g.metrics)
	return &g.metrics[len(g.metrics)-1]
}

// forget lets go of the metrics that have not come since, and returns them.
func (g *group) forget(oldest int64) (gone []entry) {
	for i := range g.metrics {
		if g.metrics[i].seen <= oldest {
			gone = append(gone, g.metrics[i])
		}
	}
	if gone == nil {
		return nil
	}
	g.metrics = slices.DeleteFunc(g.metrics, func(e entry) bool { return e.seen <= oldest })
	clear(g.byName)
	for i := range g.metrics {
		g.byName[g.metrics[i].name] = i
	}
	g.cursor = 0
	return gone
}

// forgetVerdicts is for when there are other hooks.
func (g *group) forgetVerdicts(generation uint64) {
	g.generation = generation
	for i := range g.metrics {
		g.metrics[i].decided = false
	}
}

func (s *shard) number() uint32 {
	if last := len(s.numbers) - 1; last >= 0 {
		n := s.numbers[last]
		s.numbers = s.numbers[:last]
		return n
	}
	s.next++
	return s.next
}

// group returns that of an identity, nil if there is no room for it.
func (s *shard) group(f series.Fingerprint, o *Observer, generation uint64) *group {
	g := s.groups[f]
	if g == nil {
		if !o.roomForPlace() {
			return nil
		}
		g = &group{byName: map[string]int{}, generation: generation}
		s.groups[f] = g
	}
	if g.generation != generation {
		g.forgetVerdicts(generation)
	}
	return g
}

// appendResource and appendScope write identities.
func appendResource(dst []byte, rm pmetric.ResourceMetrics) []byte {
	return series.AppendExact(series.AppendText(dst, rm.SchemaUrl()), rm.Resource().Attributes())
}

func appendScope(dst []byte, sm pmetric.ScopeMetrics) []byte {
	dst = series.AppendText(series.AppendText(series.AppendText(dst, sm.SchemaUrl()), sm.Scope().Name()), sm.Scope().Version())
	return series.AppendExact(dst, sm.Scope().Attributes())
}

// identify renders what a series is.
func (s *shard) identify(g *group, f series.Fingerprint, rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m *metric, attrs pcommon.Map) *Series {
	s.place(g, rm, sm)
	id := series.AppendExact(series.AppendText(f.Append(nil), m.name), attrs)
	return &Series{
		Resource: g.resource, Scope: g.scope, Name: m.name, Descriptor: m.descriptor, Attributes: s.render.attributes(attrs),
		id: series.FingerprintOf(id),
	}
}

// place renders resource and scope.
func (s *shard) place(g *group, rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics) {
	if g.resource == nil {
		g.resource, g.scope = s.render.resource(rm), s.render.scope(sm)
	}
}
