package rules

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlmetric"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlresource"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlscope"

	"github.com/sluice-metrics/sluice/internal/otlp"
)

// filter is a drop or a keep rule: a walk from the resources down that removes an item on one of the two verdicts,
// and a shell when it has removed the last thing inside it.
type filter struct {
	conditionSet
	// removes is hit for a drop rule, miss for a keep rule.
	removes verdict
	// sweeps says that a shell goes too that came in empty, as contrib's filter processor has it.
	sweeps bool
}

func (f *filter) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		return f.dropResource(ctx, rm, t)
	})
}

func (f *filter) dropResource(ctx context.Context, rm pmetric.ResourceMetrics, t *tally) bool {
	if len(f.resource) > 0 && f.remove(f.evalResource(ctx, rm, t), pointsOfResource(rm), t) {
		return true
	}
	if len(f.scope)+len(f.metric)+len(f.point) == 0 {
		return f.sweeps && rm.ScopeMetrics().Len() == 0
	}
	return prune(rm.ScopeMetrics(), f.sweeps, func(sm pmetric.ScopeMetrics) bool {
		return f.dropScope(ctx, rm, sm, t)
	})
}

func (f *filter) dropScope(ctx context.Context, rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, t *tally) bool {
	if len(f.scope) > 0 && f.remove(f.evalScope(ctx, rm, sm, t), pointsOfScope(sm), t) {
		return true
	}
	if len(f.metric)+len(f.point) == 0 {
		return f.sweeps && sm.Metrics().Len() == 0
	}
	return prune(sm.Metrics(), f.sweeps, func(m pmetric.Metric) bool {
		return f.dropMetric(ctx, rm, sm, m, t)
	})
}

func (f *filter) dropMetric(ctx context.Context, rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric, t *tally) bool {
	if len(f.metric) > 0 && f.remove(f.evalMetric(ctx, rm, sm, m, t), otlp.PointCount(m), t) {
		return true
	}
	if len(f.point) == 0 {
		return false
	}
	return prunePoints(m, f.sweeps, func(point any) bool {
		return f.remove(f.evalPoint(ctx, rm, sm, m, point, t), 1, t)
	})
}

// remove counts an item that holds the given number of points and reports whether the rule removes it.
func (f *filter) remove(v verdict, points int, t *tally) bool {
	if v == hit {
		t.Matched += points
	}
	if v != f.removes {
		return false
	}
	t.Dropped += points
	return true
}

func (f *filter) evalResource(ctx context.Context, rm pmetric.ResourceMetrics, t *tally) verdict {
	tCtx := ottlresource.NewTransformContextPtr(rm.Resource(), rm)
	defer tCtx.Close()
	return f.resource.eval(ctx, tCtx, t)
}

func (f *filter) evalScope(ctx context.Context, rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, t *tally) verdict {
	tCtx := ottlscope.NewTransformContextPtr(sm.Scope(), rm.Resource(), sm, rm)
	defer tCtx.Close()
	return f.scope.eval(ctx, tCtx, t)
}

func (f *filter) evalMetric(ctx context.Context, rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric, t *tally) verdict {
	tCtx := ottlmetric.NewTransformContextPtr(rm, sm, m)
	defer tCtx.Close()
	return f.metric.eval(ctx, tCtx, t)
}

func (f *filter) evalPoint(ctx context.Context, rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric, point any, t *tally) verdict {
	tCtx := ottldatapoint.NewTransformContextPtr(rm, sm, m, point)
	defer tCtx.Close()
	return f.point.eval(ctx, tCtx, t)
}
