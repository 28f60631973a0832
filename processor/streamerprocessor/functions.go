package streamerprocessor

import (
	"sync"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlresource"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlscope"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/ottlfuncs"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/filterprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"

	"github.com/sluice-metrics/sluice/internal/rules"
)

// functions are all OTTL functions contrib's filter and transform processors offer for metrics. The maps are shared and
// must not be modified.
var functions = sync.OnceValue(func() rules.Functions {
	return rules.Functions{
		Resource: merge(ottlfuncs.StandardFuncs[*ottlresource.TransformContext](), filterprocessor.DefaultResourceFunctions()),
		Scope:    ottlfuncs.StandardFuncs[*ottlscope.TransformContext](),
		Metric: merge(nil,
			filterprocessor.DefaultMetricFunctions(), transformprocessor.DefaultMetricFunctions()),
		DataPoint: merge(nil,
			filterprocessor.DefaultDataPointFunctions(), transformprocessor.DefaultDataPointFunctions()),
		Exemplar: merge(nil, transformprocessor.DefaultExemplarFunctions()),
	}
})

// merge adds the lists to base, which may be nil; of two functions of one name the last wins.
func merge[K any](base map[string]ottl.Factory[K], lists ...[]ottl.Factory[K]) map[string]ottl.Factory[K] {
	if base == nil {
		base = map[string]ottl.Factory[K]{}
	}
	for _, list := range lists {
		for _, f := range list {
			base[f.Name()] = f
		}
	}
	return base
}
