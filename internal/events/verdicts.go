package events

import (
	"encoding/binary"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// verdicts says by what hooks read of a series whether any is for it, for hooks that are all asked for each series. It costs
// less than a record of the series, in memory and in time.
type verdicts struct {
	projectors []Projector
	any        map[string]bool
	// missed says that no hook was for the last series, so that the next one is looked up here first.
	missed bool
}

// release gives back the places that they take.
func (v *verdicts) release(o *Observer) {
	if v != nil {
		o.places.Add(int64(-len(v.any)))
	}
}

// maxVerdicts bounds those of a metric, each of which takes a place; series with others get a record that says that no hook is for them.
const maxVerdicts = 1024

// newVerdicts returns nil where it would be of no use.
func newVerdicts(hooks []*Hook, c *Candidate) *verdicts {
	v := &verdicts{any: map[string]bool{}}
	for _, h := range hooks {
		p, ok := h.set.Match.(Projector)
		if !ok || h.set.Filter != nil || h.verdict(c) != ByPoint {
			return nil
		}
		v.projectors = append(v.projectors, p)
	}
	return v
}

// passesBy reports whether it is known that no hook is for a series.
func (w *walk) passesBy(v *verdicts, m pmetric.Metric, attrs pcommon.Map) bool {
	w.projected = w.projected[:0]
	for _, p := range v.projectors {
		before := len(w.projected)
		w.projected = p.Project(w.projected, attrs)
		w.projected = binary.LittleEndian.AppendUint32(w.projected, uint32(len(w.projected)-before)) // so that it can be read backwards
	}
	yes, known := v.any[string(w.projected)]
	if !known {
		if len(v.any) >= maxVerdicts || !w.observer.takePlace() {
			v.missed = false
			return false
		}
		yes = w.anyMatches(m, attrs)
		v.any[string(w.projected)] = yes
	}
	v.missed = !yes
	return !yes
}

func (w *walk) anyMatches(m pmetric.Metric, attrs pcommon.Map) bool {
	c := Candidate{Resource: w.rm, Scope: w.sm, Metric: m, Attributes: attrs}
	for _, h := range w.metric.hooks {
		if h.matches(&c, nil) {
			return true
		}
	}
	return false
}
