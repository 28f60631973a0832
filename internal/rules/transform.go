package rules

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlexemplar"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlmetric"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlresource"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlscope"

	"github.com/sluice-metrics/sluice/internal/otlp"
)

// statements are the OTTL statements of one context: all of them run on an item before the next item is taken, as in
// contrib's transform processor. Points are counted before they run, for they may change what an item holds.
type statements[K any] struct {
	// guard, if it has conditions, is what an item has to meet for the statements to run on it.
	guard conditions[K]
	list  []*ottl.Statement[K]
}

// statementStage is the stage of a list of statements of any context.
type statementStage interface {
	stage
	// when returns the stage with the conditions of its context as guard.
	when(guard conditionSet) stage
}

// run executes the statements on an item that holds the given number of points.
func (ss *statements[K]) run(ctx context.Context, tCtx K, points int, t *tally) {
	if len(ss.guard) > 0 && ss.guard.eval(ctx, tCtx, t) != hit {
		return
	}
	matched := false
	for _, s := range ss.list {
		if t.halted {
			return
		}
		_, ran, err := s.Execute(ctx, tCtx)
		if err != nil {
			t.fail(s.String(), err)
		}
		matched = matched || ran
		if ran && t.executed != nil {
			t.executed(s.String())
		}
	}
	if matched {
		t.Matched += points
	}
}

type resourceStatements struct {
	statements[*ottlresource.TransformContext]
}

func (s resourceStatements) when(guard conditionSet) stage {
	s.guard = guard.resource
	return s
}

func (s resourceStatements) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	for _, rm := range md.ResourceMetrics().All() {
		tCtx := ottlresource.NewTransformContextPtr(rm.Resource(), rm)
		s.run(ctx, tCtx, pointsOfResource(rm), t)
		tCtx.Close()
	}
}

type scopeStatements struct {
	statements[*ottlscope.TransformContext]
}

func (s scopeStatements) when(guard conditionSet) stage {
	s.guard = guard.scope
	return s
}

func (s scopeStatements) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			tCtx := ottlscope.NewTransformContextPtr(sm.Scope(), rm.Resource(), sm, rm)
			s.run(ctx, tCtx, pointsOfScope(sm), t)
			tCtx.Close()
		}
	}
}

type metricStatements struct {
	statements[*ottlmetric.TransformContext]
}

func (s metricStatements) when(guard conditionSet) stage {
	s.guard = guard.metric
	return s
}

func (s metricStatements) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	t.end(eachMetric(md, func(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric) {
		tCtx := ottlmetric.NewTransformContextPtr(rm, sm, m)
		s.run(ctx, tCtx, otlp.PointCount(m), t)
		tCtx.Close()
	}))
}

type pointStatements struct {
	statements[*ottldatapoint.TransformContext]
}

func (s pointStatements) when(guard conditionSet) stage {
	s.guard = guard.point
	return s
}

func (s pointStatements) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	t.end(eachMetric(md, func(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric) {
		eachPoint(m, func(point any) {
			tCtx := ottldatapoint.NewTransformContextPtr(rm, sm, m, point)
			s.run(ctx, tCtx, 1, t)
			tCtx.Close()
		})
	}))
}

type exemplarStatements struct {
	statements[*ottlexemplar.TransformContext]
}

func (s exemplarStatements) when(guard conditionSet) stage {
	s.guard = guard.exemplar
	return s
}

// apply counts a point once, however many of its exemplars are met.
func (s exemplarStatements) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	t.end(eachMetric(md, func(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric) {
		eachPoint(m, func(point any) {
			before := t.Matched
			for _, e := range exemplarsOf(point).All() {
				tCtx := ottlexemplar.NewTransformContextPtr(rm, sm, m, point, e)
				s.run(ctx, tCtx, 1, t)
				tCtx.Close()
			}
			t.Matched = min(t.Matched, before+1)
		})
	}))
}

func exemplarsOf(point any) pmetric.ExemplarSlice {
	if p, ok := point.(interface{ Exemplars() pmetric.ExemplarSlice }); ok {
		return p.Exemplars()
	}
	return pmetric.NewExemplarSlice()
}
