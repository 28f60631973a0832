package rules

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"

	"github.com/sluice-metrics/sluice/internal/relabel"
)

// relabelling is a rule that relabels points as Prometheus relabels samples. Points that get another name move to a metric
// of that name, which follows the others of their scope.
type relabelling struct{ *relabel.Relabeler }

const relabelKey = "relabel"

// relabelPart is pure unless points may be renamed: a name is the metric's, which an outcome of one point cannot change.
func relabelPart(r *relabel.Relabeler, mode ottl.ErrorMode) part {
	class := Class{Key: relabelKey}
	if r.MayRename() {
		class.EveryTime = "it may rename metrics"
	}
	p := newPart(relabelling{r}, mode, []Class{class})
	p.removes, p.writes = true, true
	p.reads = reads{all: true, resource: r.ReadsResource()}
	return p
}

func (r relabelling) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		return prune(rm.ScopeMetrics(), false, func(sm pmetric.ScopeMetrics) bool {
			renamed := pmetric.NewMetricSlice()
			emptied := prune(sm.Metrics(), false, func(m pmetric.Metric) bool {
				move := mover{from: m, to: renamed}
				return prunePoints(m, false, func(point any) bool { return r.point(rm, m, point, &move, t) })
			})
			renamed.MoveAndAppendTo(sm.Metrics())
			return emptied && sm.Metrics().Len() == 0
		})
	})
	_ = ctx
}

// point relabels a point and reports whether it leaves its metric.
func (r relabelling) point(rm pmetric.ResourceMetrics, m pmetric.Metric, point any, move *mover, t *tally) bool {
	if t.halted {
		return false
	}
	v, err := r.Point(m.Name(), rm.Resource().Attributes(), attributesOf(point))
	switch {
	case err != nil:
		t.fail(relabelKey, err)
		return false
	case v.Drop:
		t.Matched++
		t.Dropped++
		return true
	case v.Changed || v.Renamed:
		t.Matched++
		if t.executed != nil {
			t.executed(relabelKey)
		}
	}
	if v.Renamed {
		move.point(v.Name, point)
	}
	return v.Renamed
}

func (r relabelling) changes(_ context.Context, md pmetric.Metrics, t *tally) bool {
	changes := false
	_ = eachMetric(md, func(rm pmetric.ResourceMetrics, _ pmetric.ScopeMetrics, m pmetric.Metric) {
		eachPoint(m, func(point any) {
			if changes {
				return
			}
			v, err := r.Look(m.Name(), rm.Resource().Attributes(), attributesOf(point))
			changes = err != nil || v.Drop || v.Changed || v.Renamed
		})
	})
	_ = t
	return changes
}

func attributesOf(point any) pcommon.Map {
	return point.(interface{ Attributes() pcommon.Map }).Attributes()
}

// mover takes points of one metric to metrics of other names.
type mover struct {
	from   pmetric.Metric
	to     pmetric.MetricSlice
	byName map[string]pmetric.Metric
}

func (mv *mover) point(name string, point any) {
	m, ok := mv.byName[name]
	if !ok {
		m = mv.to.AppendEmpty()
		shape(mv.from, m)
		m.SetName(name)
		if mv.byName == nil {
			mv.byName = map[string]pmetric.Metric{}
		}
		mv.byName[name] = m
	}
	copyPoint(point, m)
}

// shape makes to a metric like from, without points.
func shape(from, to pmetric.Metric) {
	fields := fieldsOf(from)
	fields.into(to)
	from.Metadata().CopyTo(to.Metadata())
	switch from.Type() {
	case pmetric.MetricTypeGauge:
		to.SetEmptyGauge()
	case pmetric.MetricTypeSum:
		to.SetEmptySum().SetIsMonotonic(from.Sum().IsMonotonic())
		to.Sum().SetAggregationTemporality(from.Sum().AggregationTemporality())
	case pmetric.MetricTypeHistogram:
		to.SetEmptyHistogram().SetAggregationTemporality(from.Histogram().AggregationTemporality())
	case pmetric.MetricTypeExponentialHistogram:
		to.SetEmptyExponentialHistogram().SetAggregationTemporality(from.ExponentialHistogram().AggregationTemporality())
	case pmetric.MetricTypeSummary:
		to.SetEmptySummary()
	case pmetric.MetricTypeEmpty:
	}
}

func copyPoint(point any, to pmetric.Metric) {
	switch p := point.(type) {
	case pmetric.NumberDataPoint:
		if to.Type() == pmetric.MetricTypeSum {
			p.CopyTo(to.Sum().DataPoints().AppendEmpty())
		} else {
			p.CopyTo(to.Gauge().DataPoints().AppendEmpty())
		}
	case pmetric.HistogramDataPoint:
		p.CopyTo(to.Histogram().DataPoints().AppendEmpty())
	case pmetric.ExponentialHistogramDataPoint:
		p.CopyTo(to.ExponentialHistogram().DataPoints().AppendEmpty())
	case pmetric.SummaryDataPoint:
		p.CopyTo(to.Summary().DataPoints().AppendEmpty())
	}
}
