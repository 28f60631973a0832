package rules

import (
	"context"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlexemplar"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/otlp"
)

// changes walks as apply does and stops at the first thing it would remove.
func (f *filter) changes(ctx context.Context, md pmetric.Metrics, t *tally) bool {
	for _, rm := range md.ResourceMetrics().All() {
		if f.takesFromResource(ctx, rm, t) {
			return true
		}
	}
	return false
}

func (f *filter) takesFromResource(ctx context.Context, rm pmetric.ResourceMetrics, t *tally) bool {
	if len(f.resource) > 0 && f.remove(f.evalResource(ctx, rm, t), pointsOfResource(rm), t) {
		return true
	}
	if len(f.scope)+len(f.metric)+len(f.point) > 0 {
		for _, sm := range rm.ScopeMetrics().All() {
			if f.takesFromScope(ctx, rm, sm, t) {
				return true
			}
		}
	}
	return f.sweeps && rm.ScopeMetrics().Len() == 0
}

func (f *filter) takesFromScope(ctx context.Context, rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, t *tally) bool {
	if len(f.scope) > 0 && f.remove(f.evalScope(ctx, rm, sm, t), pointsOfScope(sm), t) {
		return true
	}
	if len(f.metric)+len(f.point) > 0 {
		for _, m := range sm.Metrics().All() {
			if f.takesFromMetric(ctx, rm, sm, m, t) {
				return true
			}
		}
	}
	return f.sweeps && sm.Metrics().Len() == 0
}

func (f *filter) takesFromMetric(ctx context.Context, rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric, t *tally) bool {
	if len(f.metric) > 0 && f.remove(f.evalMetric(ctx, rm, sm, m, t), otlp.PointCount(m), t) {
		return true
	}
	taken := false
	if len(f.point) > 0 {
		eachPoint(m, func(point any) {
			taken = taken || f.remove(f.evalPoint(ctx, rm, sm, m, point, t), 1, t)
		})
	}
	return taken || f.sweeps && len(f.point) > 0 && otlp.PointCount(m) == 0
}

// changes walks as run does and stops at the first point, or metric, that its outcome would change.
func (w *walk) changes(md pmetric.Metrics) bool {
	for _, rm := range md.ResourceMetrics().All() {
		w.enterResource(rm)
		for _, sm := range rm.ScopeMetrics().All() {
			w.enterScope(sm)
			for _, m := range sm.Metrics().All() {
				if w.enterMetric(m); w.changesMetric(m) {
					return true
				}
			}
		}
	}
	return false
}

func (w *walk) changesMetric(m pmetric.Metric) bool {
	if !w.byPoint() {
		return w.changesPoints(w.find(w.metricFingerprint, noAttributes), otlp.PointCount(m), noAttributes) // has no values, see byPoint
	}
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return changesAny(w, m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		return changesAny(w, m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		return changesAny(w, m.Histogram().DataPoints())
	case pmetric.MetricTypeExponentialHistogram:
		return changesAny(w, m.ExponentialHistogram().DataPoints())
	case pmetric.MetricTypeSummary:
		return changesAny(w, m.Summary().DataPoints())
	case pmetric.MetricTypeEmpty:
	}
	return false
}

func changesAny[P interface{ Attributes() pcommon.Map }, S interface {
	Len() int
	At(i int) P
}](w *walk, points S) bool {
	for i := range points.Len() {
		p := points.At(i)
		o := w.outcomeOf(p.Attributes())
		if w.changesPoints(o, 1, p.Attributes()) || len(o.values) > 0 && w.changesValue(o, p) {
			return true
		}
	}
	return false
}

// changesValue reports whether any statement about values is to run on the point.
func (w *walk) changesValue(o *outcome, point any) bool {
	tCtx := ottldatapoint.NewTransformContextPtr(w.rm, w.sm, w.metric, point)
	defer tCtx.Close()
	for _, v := range o.values {
		if v.counted || v.statement.where == nil {
			return true
		}
		if met, err := v.statement.where.Eval(w.ctx, tCtx); met || err != nil {
			return true
		}
	}
	return false
}

// changesPoints counts points that an outcome leaves as they are.
func (w *walk) changesPoints(o *outcome, points int, attrs pcommon.Map) bool {
	if w.halted || o.dropped >= 0 || o.fields != nil {
		return true
	}
	for i := range o.edits {
		if o.edits[i].changes(attrs) {
			return true
		}
	}
	for _, rule := range o.matched {
		w.tallies[rule].Matched += points
	}
	return false
}

// watched is a stage of statements that all have a where clause: where none is met, nothing changes.
type watched struct {
	stage
	// guard finds what the conditions of the group fail on.
	guard *filter
	// wheres would drop what a statement runs on.
	wheres *filter
}

func (w watched) changes(ctx context.Context, md pmetric.Metrics, t *tally) bool {
	guard := tally{policy: t.policy}
	return w.guard.changes(ctx, md, &guard) || guard.Errors > 0 || w.wheres.changes(ctx, md, t) || t.Errors > 0
}

// watch makes a part of statements tell what it would change, if it can.
func (c *compiler) watch(p *part, f fragment, guard conditionSet) {
	wheres := &filter{removes: hit}
	for _, text := range f.texts {
		_, where, ok := splitWhere(text)
		if !ok || f.context == ottlexemplar.ContextName {
			return
		}
		parsed, err := c.parsers.ParseConditionsWithContext(f.context, ottl.NewConditionsGetter([]string{where}), false)
		if err != nil {
			return
		}
		wheres.add(parsed.conditions)
	}
	p.stage = watched{p.stage, &filter{conditionSet: guard, removes: failed}, wheres}
}
