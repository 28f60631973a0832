package rules

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlmetric"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlresource"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlscope"

	"github.com/sluice-metrics/sluice/internal/otlp"
)

// statements are the OTTL statements of one transform rule: all of them run on an item before the next item is taken,
// as in contrib's transform processor. Points are counted before they run, for they may change what an item holds.
type statements[K any] []*ottl.Statement[K]

// run executes the statements on an item that holds the given number of points.
func (ss statements[K]) run(ctx context.Context, tCtx K, points int, t *tally) {
	matched := false
	for _, s := range ss {
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

type resourceStatements statements[*ottlresource.TransformContext]

func (s resourceStatements) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	for _, rm := range md.ResourceMetrics().All() {
		tCtx := ottlresource.NewTransformContextPtr(rm.Resource(), rm)
		statements[*ottlresource.TransformContext](s).run(ctx, tCtx, pointsOfResource(rm), t)
		tCtx.Close()
	}
}

type scopeStatements statements[*ottlscope.TransformContext]

func (s scopeStatements) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			tCtx := ottlscope.NewTransformContextPtr(sm.Scope(), rm.Resource(), sm, rm)
			statements[*ottlscope.TransformContext](s).run(ctx, tCtx, pointsOfScope(sm), t)
			tCtx.Close()
		}
	}
}

type metricStatements statements[*ottlmetric.TransformContext]

func (s metricStatements) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	t.end(eachMetric(md, func(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric) {
		tCtx := ottlmetric.NewTransformContextPtr(rm, sm, m)
		statements[*ottlmetric.TransformContext](s).run(ctx, tCtx, otlp.PointCount(m), t)
		tCtx.Close()
	}))
}

type pointStatements statements[*ottldatapoint.TransformContext]

func (s pointStatements) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	t.end(eachMetric(md, func(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric) {
		eachPoint(m, func(point any) {
			tCtx := ottldatapoint.NewTransformContextPtr(rm, sm, m, point)
			statements[*ottldatapoint.TransformContext](s).run(ctx, tCtx, 1, t)
			tCtx.Close()
		})
	}))
}
