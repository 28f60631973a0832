package exposition

import (
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
)

// escaper rebuilds a page under an escaping scheme. Different names may become the same: labels are joined as they
// are on translation, families of one type are merged, and what is left without a place is counted.
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
		merged.Unit = unitOf(name, mf.GetUnit(), mf.GetType())
		e.families[name] = merged
	}
	if merged.GetType() != mf.GetType() {
		e.hidden += len(mf.Metric)
		return
	}
	for _, m := range mf.Metric {
		merged.Metric = append(merged.Metric, withLabels(m, e.labels(m.Label, mf.GetType())))
	}
}

func (e *escaper) labels(pairs []*dto.LabelPair, typ dto.MetricType) []*dto.LabelPair {
	ls := make([]label, len(pairs))
	for i, p := range pairs {
		ls[i] = label{key: p.GetName(), name: withoutColons(escapeName(p.GetName(), e.scheme)), value: p.GetValue()}
	}
	return resolve(ls, typ)
}

// ordered sorts the series of a family and hides all but the first of those that became the same.
func (e *escaper) ordered(mf *dto.MetricFamily) *dto.MetricFamily {
	entries := make([]entry, len(mf.Metric))
	for i, m := range mf.Metric {
		entries[i] = entry{seriesKey(m.Label), m}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	unique := slices.CompactFunc(entries, func(a, b entry) bool { return a.key == b.key })
	e.hidden += len(mf.Metric) - len(unique)
	mf.Metric = mf.Metric[:0]
	for _, en := range unique {
		mf.Metric = append(mf.Metric, en.metric)
	}
	return mf
}

// escapeName leaves names alone that need no escaping, as expfmt does: the scheme's own escapes apply to others only.
func escapeName(name string, scheme model.EscapingScheme) string {
	if model.LegacyValidation.IsValidMetricName(name) {
		return name
	}
	return model.EscapeName(name, scheme)
}
