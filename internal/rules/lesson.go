package rules

import (
	"bytes"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/series"
)

// lesson is a batch of one point, that rules are run on to see what they do to all like it. The point has no value, and
// no attributes but those the rules read.
type lesson struct {
	memo    *memo
	md      pmetric.Metrics
	tallies []tally

	// attrs are the point's attributes, before what they were when the last statement had been executed.
	attrs, before pcommon.Map
	edits         []edit
	values        []pendingValue
	clean         bool
	// repeats says that a key occurs twice. Which of the two a statement means no edit tells, so the point has all its
	// attributes, and what it has in the end is the outcome: for this point only.
	repeats bool
	// failures are the texts that failed, by rule.
	failures [][]string
}

func newLesson(m *memo, w *walk, attrs pcommon.Map) *lesson {
	l := &lesson{memo: m, md: pmetric.NewMetrics(), tallies: make([]tally, len(m.rules)), before: pcommon.NewMap(), clean: true, failures: make([][]string, len(m.rules))}
	metric := l.metric(w)
	to := emptyPoint(w.metric, metric)
	if l.repeats = repeats(attrs); l.repeats {
		l.clean = false
		attrs.CopyTo(to)
	} else {
		m.reads.project(attrs, to)
	}
	l.attrs = to
	to.CopyTo(l.before)
	for i := range m.rules {
		l.tallies[i].policy = m.rules[i].mode
		swaps := m.rules[i].swaps
		t := &l.tallies[i]
		t.executed = func(text string) { l.executed(swaps[text]) }
		t.failed = func(text string) { l.failures[i] = append(l.failures[i], text) }
		t.pending = func(v *valueStatement) { l.values = append(l.values, pendingValue{rule: i, statement: v}) }
	}
	return l
}

// metric adds the walk's resource and scope to the batch, and its metric without the points.
func (l *lesson) metric(w *walk) pmetric.Metric {
	rm := l.md.ResourceMetrics().AppendEmpty()
	if l.memo.reads.resource {
		w.rm.Resource().CopyTo(rm.Resource())
		rm.SetSchemaUrl(w.rm.SchemaUrl())
	}
	sm := rm.ScopeMetrics().AppendEmpty()
	if l.memo.reads.scope {
		w.sm.Scope().CopyTo(sm.Scope())
		sm.SetSchemaUrl(w.sm.SchemaUrl())
	}
	metric := sm.Metrics().AppendEmpty()
	f := fieldsOf(w.metric)
	f.into(metric)
	w.metric.Metadata().CopyTo(metric.Metadata())
	return metric
}

// executed takes note of what the last statement did to the attributes.
func (l *lesson) executed(swaps bool) {
	if l.repeats {
		return
	}
	e := newEdit(l.before, l.attrs, swaps)
	if !e.empty() {
		l.edits = append(l.edits, e)
	}
	l.attrs.CopyTo(l.before)
}

// outcome is what the rules did to a point of metric, and whether it is worth remembering.
func (l *lesson) outcome(metric pmetric.Metric) (*outcome, bool) {
	o := &outcome{dropped: -1, edits: l.edits}
	clean := l.clean
	for i := range l.tallies {
		t := &l.tallies[i]
		clean = clean && t.Errors == 0
		if t.Matched > 0 {
			o.matched = append(o.matched, i)
		}
		if t.Dropped > 0 {
			o.dropped = i
		}
	}
	if o.dropped >= 0 {
		o.edits = nil
		return o, clean
	}
	if l.repeats {
		o.edits = l.whole()
	}
	o.room = roomFor(o.edits)
	o.values = l.values
	for i, v := range o.values {
		o.values[i].counted = l.tallies[v.rule].Matched > 0
	}
	after := l.md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
	if fields := fieldsOf(after); fields != fieldsOf(metric) {
		o.fields = fields.clone()
	}
	return o, clean
}

// whole is what the rules did to a point as one edit, none if that is nothing.
func (l *lesson) whole() []edit {
	if bytes.Equal(series.AppendExact(nil, l.before), series.AppendExact(nil, l.attrs)) {
		return nil
	}
	return []edit{{whole: &l.attrs}}
}

// emptyPoint gives to the type of metric and one point, whose attributes it returns.
func emptyPoint(metric, to pmetric.Metric) pcommon.Map {
	switch metric.Type() {
	case pmetric.MetricTypeSum:
		to.SetEmptySum().SetAggregationTemporality(metric.Sum().AggregationTemporality())
		to.Sum().SetIsMonotonic(metric.Sum().IsMonotonic())
		return to.Sum().DataPoints().AppendEmpty().Attributes()
	case pmetric.MetricTypeHistogram:
		to.SetEmptyHistogram().SetAggregationTemporality(metric.Histogram().AggregationTemporality())
		return to.Histogram().DataPoints().AppendEmpty().Attributes()
	case pmetric.MetricTypeExponentialHistogram:
		to.SetEmptyExponentialHistogram().SetAggregationTemporality(metric.ExponentialHistogram().AggregationTemporality())
		return to.ExponentialHistogram().DataPoints().AppendEmpty().Attributes()
	case pmetric.MetricTypeSummary:
		return to.SetEmptySummary().DataPoints().AppendEmpty().Attributes()
	case pmetric.MetricTypeGauge, pmetric.MetricTypeEmpty:
	}
	return to.SetEmptyGauge().DataPoints().AppendEmpty().Attributes()
}
