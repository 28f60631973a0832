package rules

import (
	"context"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlexemplar"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlmetric"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlresource"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlscope"
)

// verdict is what a list of conditions says of one item.
type verdict int

const (
	miss verdict = iota
	hit
	// failed means that no condition held and at least one could not be evaluated: nobody knows, so the item stays.
	failed
)

// conditions are the OR of OTTL conditions of one context.
type conditions[K any] []*ottl.Condition[K]

func (cs conditions[K]) eval(ctx context.Context, tCtx K, t *tally) verdict {
	v := miss
	for _, c := range cs {
		if t.halted {
			return failed
		}
		met, err := c.Eval(ctx, tCtx)
		if err != nil {
			t.fail(c.String(), err)
			v = failed
			continue
		}
		if met {
			return hit
		}
	}
	return v
}

// conditionSet holds the conditions of one rule by context.
type conditionSet struct {
	resource conditions[*ottlresource.TransformContext]
	scope    conditions[*ottlscope.TransformContext]
	metric   conditions[*ottlmetric.TransformContext]
	point    conditions[*ottldatapoint.TransformContext]
	exemplar conditions[*ottlexemplar.TransformContext]
}

func (s *conditionSet) add(o conditionSet) {
	s.resource = append(s.resource, o.resource...)
	s.scope = append(s.scope, o.scope...)
	s.metric = append(s.metric, o.metric...)
	s.point = append(s.point, o.point...)
	s.exemplar = append(s.exemplar, o.exemplar...)
}

// at asks the conditions of all contexts about a point.
func (s *conditionSet) at(p *place, t *tally) bool {
	f := filter{conditionSet: *s}
	return len(s.resource) > 0 && f.evalResource(p.ctx, p.rm, t) == hit ||
		len(s.scope) > 0 && f.evalScope(p.ctx, p.rm, p.sm, t) == hit ||
		len(s.metric) > 0 && f.evalMetric(p.ctx, p.rm, p.sm, p.m, t) == hit ||
		len(s.point) > 0 && f.evalPoint(p.ctx, p.rm, p.sm, p.m, p.point, t) == hit
}
