package exposition

import (
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
)

// escaper rebuilds a page, whose messages it changes, under an escaping scheme. Different names may become the same:
// labels are joined as they are on translation, families of one type are merged, and what is left without a place is
// counted.
type escaper struct {
	scheme   model.EscapingScheme
	families map[string]*dto.MetricFamily
	samples  nameTable
	hidden   int
}

// escapeAll returns the families under their escaped names, sorted, and how many series found no place.
func escapeAll(mfs []*dto.MetricFamily, scheme model.EscapingScheme) ([]*dto.MetricFamily, int) {
	e := escaper{scheme: scheme, families: make(map[string]*dto.MetricFamily, len(mfs)), samples: make(nameTable)}
	for _, mf := range mfs {
		e.add(mf)
	}
	out := make([]*dto.MetricFamily, 0, len(e.families))
	for _, mf := range e.families {
		out = append(out, e.ordered(mf))
	}
	slices.SortFunc(out, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out, e.hidden
}

func (e *escaper) add(mf *dto.MetricFamily) {
	name := escapeName(mf.GetName(), e.scheme)
	merged := e.families[name]
	if merged == nil {
		if _, taken := e.samples.owner(name, mf.GetType()); taken {
			e.hidden += len(mf.Metric)
			return
		}
		e.samples.claim(name, mf.GetType())
		merged = &dto.MetricFamily{Name: new(name), Help: mf.Help, Type: mf.Type}
		if unit := unitOf(name, mf.GetUnit(), mf.GetType()); unit != "" {
			merged.Unit = new(unit)
		}
		e.families[name] = merged
	}
	if merged.GetType() != mf.GetType() || mixes(merged, mf) {
		e.hidden += len(mf.Metric)
		return
	}
	for _, m := range mf.Metric {
		m.Label = e.labels(m.Label, mf.GetType())
		merged.Metric = append(merged.Metric, m)
	}
}

// mixes reports whether one has native and the other classic histograms: parsers take the first series of a family for
// the kind of all.
func mixes(a, b *dto.MetricFamily) bool {
	return len(a.Metric) > 0 && len(b.Metric) > 0 && isNative(a.Metric[0]) != isNative(b.Metric[0])
}

func isNative(m *dto.Metric) bool { return m.Histogram != nil && m.Histogram.Schema != nil }

func (e *escaper) labels(pairs []*dto.LabelPair, typ dto.MetricType) []*dto.LabelPair {
	ls := make([]label, len(pairs))
	for i, p := range pairs {
		ls[i] = label{key: p.GetName(), name: withoutColons(escapeName(p.GetName(), e.scheme)), value: p.GetValue()}
	}
	return pairsOf(resolve(ls, typ))
}

// ordered sorts the series of a family and hides all but the first of those that became the same.
func (e *escaper) ordered(mf *dto.MetricFamily) *dto.MetricFamily {
	all := len(mf.Metric)
	sortMetrics(mf.Metric)
	mf.Metric = slices.CompactFunc(mf.Metric, func(a, b *dto.Metric) bool { return compareMetrics(a, b) == 0 })
	e.hidden += all - len(mf.Metric)
	return mf
}

// escapeName leaves names alone that need no escaping, as expfmt does: the scheme's own escapes apply to others only.
func escapeName(name string, scheme model.EscapingScheme) string {
	if model.LegacyValidation.IsValidMetricName(name) {
		return name
	}
	return model.EscapeName(name, scheme)
}
