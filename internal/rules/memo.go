package rules

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/otlp"
	"github.com/sluice-metrics/sluice/internal/series"
)

// memo runs rules in a row of which each is pure: what they do to a point depends only on its identity as it is when
// the first of them begins, and they change nothing but the point's attributes and its metric's texts. So they are run
// once for all series that agree in what the rules read, on a batch of one point, and what they did is remembered.
type memo struct {
	rules []part
	reads reads
	// values says that some of the rules have value statements.
	values bool
	series *series.Cache[*outcome]
	trails trails
	walks  sync.Pool
	thrift thrift
	// lookups and misses count since the start.
	lookups, misses atomic.Int64

	mu       sync.Mutex
	outcomes map[string]*outcome
}

// maxOutcomes bounds the outcomes that are shared; further ones are each series' own.
const maxOutcomes = 1 << 14

func newMemo(rules []part, limit int, expiration time.Duration) *memo {
	m := &memo{
		rules:    rules,
		series:   series.NewCache[*outcome](limit, expiration),
		trails:   trails{most: limit},
		thrift:   thrift{window: 2 * int64(limit)},
		outcomes: map[string]*outcome{},
	}
	for i := range rules {
		m.reads.add(rules[i].reads)
		m.values = m.values || rules[i].mixed != nil
	}
	m.walks.New = func() any { return newWalk(m) }
	return m
}

// apply does to md what the rules do, and adds to the tallies, one per rule.
func (m *memo) apply(ctx context.Context, md pmetric.Metrics, tallies []tally) {
	m.age()
	if !m.fits(md) {
		runAll(ctx, m.rules, md, tallies)
		return
	}
	w := m.walk(ctx, tallies)
	w.run(md)
	m.end(w)
}

// changes tells whether apply would change md, without writing to it. If not, it has added to the tallies.
func (m *memo) changes(ctx context.Context, md pmetric.Metrics, tallies []tally) bool {
	m.age()
	if !m.fits(md) {
		return anyChanges(ctx, m.rules, md, tallies)
	}
	w := m.walk(ctx, tallies)
	changes := w.changes(md)
	m.end(w)
	return changes
}

// age forgets what nobody has asked for. Trails go as a whole, so that what they hold is asked for again.
func (m *memo) age() {
	if m.series.Age() {
		m.trails.forget()
	}
}

func (m *memo) fits(md pmetric.Metrics) bool {
	return m.thrift.worthwhile(int64(md.DataPointCount())) && !hasShells(md)
}

func (m *memo) walk(ctx context.Context, tallies []tally) *walk {
	w := m.walks.Get().(*walk)
	w.ctx, w.tallies = ctx, tallies
	return w
}

func (m *memo) end(w *walk) {
	m.thrift.spent(w.lookups, w.misses)
	m.lookups.Add(w.lookups)
	m.misses.Add(w.misses)
	w.release()
	m.walks.Put(w)
}

// runAll runs rules one after the other until one halts.
func runAll(ctx context.Context, rules []part, md pmetric.Metrics, tallies []tally) {
	for i := range rules {
		rules[i].stage.apply(ctx, md, &tallies[i])
		if tallies[i].halted {
			return
		}
	}
}

// hasShells reports whether anything in md holds no points. What rules do to such a thing no point can tell.
func hasShells(md pmetric.Metrics) bool {
	for _, rm := range md.ResourceMetrics().All() {
		if rm.ScopeMetrics().Len() == 0 {
			return true
		}
		for _, sm := range rm.ScopeMetrics().All() {
			if sm.Metrics().Len() == 0 {
				return true
			}
			for _, m := range sm.Metrics().All() {
				if otlp.PointCount(m) == 0 {
					return true
				}
			}
		}
	}
	return false
}

// learn runs the rules on a batch of one point, which has those of attrs that the rules read. An outcome that is not
// clean, for errors, which are added to tallies, or since no list of edits tells what the rules do, is good for this
// point only.
func (m *memo) learn(ctx context.Context, w *walk, attrs pcommon.Map, tallies []tally) (o *outcome, clean bool) {
	l := newLesson(m, w, attrs)
	for i := range m.rules {
		m.rules[i].lesson().apply(ctx, l.md, &l.tallies[i])
		tallies[i].addErrors(&l.tallies[i], w.newFailures(i, l.failures[i]))
		if l.tallies[i].halted {
			break
		}
	}
	o, clean = l.outcome(w.metric)
	if clean {
		o = m.shared(o)
	}
	return o, clean
}

// shared returns an outcome that does the same as o, so that series alike share one.
func (m *memo) shared(o *outcome) *outcome {
	signature := o.signature()
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, ok := m.outcomes[signature]; ok {
		return known
	}
	if len(m.outcomes) < maxOutcomes {
		m.outcomes[signature] = o
	}
	return o
}

// thrift tells when remembering costs more than it saves: when most points are of series not met before, because there
// are more of them than the table holds, an attribute is new each time, or the rules fail. The rules then run directly,
// and remembering is tried again later.
type thrift struct {
	// window is how many lookups are judged together.
	window                int64
	lookups, misses, rest atomic.Int64
}

// restWindows is for how many windows of points remembering rests.
const restWindows = 8

func (t *thrift) worthwhile(points int64) bool {
	return t.rest.Load() <= 0 || t.rest.Add(-points) <= 0
}

func (t *thrift) spent(lookups, misses int64) {
	m := t.misses.Add(misses)
	l := t.lookups.Add(lookups)
	if l < t.window {
		return
	}
	t.lookups.Store(0)
	t.misses.Store(0)
	if 2*m > l {
		t.rest.Store(restWindows * t.window)
	}
}
