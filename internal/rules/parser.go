package rules

import (
	"fmt"

	"go.opentelemetry.io/collector/component"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlexemplar"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlmetric"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlresource"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlscope"
)

// Functions are the OTTL functions on offer, by context: editors and converters alike, keyed by name. They serve
// conditions and statements; OTTL's grammar admits no editor in a condition.
type Functions struct {
	Resource  map[string]ottl.Factory[*ottlresource.TransformContext]
	Scope     map[string]ottl.Factory[*ottlscope.TransformContext]
	Metric    map[string]ottl.Factory[*ottlmetric.TransformContext]
	DataPoint map[string]ottl.Factory[*ottldatapoint.TransformContext]
	Exemplar  map[string]ottl.Factory[*ottlexemplar.TransformContext]
}

// fragment is what parsed OTTL turns into, whatever its context: conditions from conditions, a stage from statements.
type fragment struct {
	context string
	// texts are what was parsed, each path with its context.
	texts      []string
	conditions conditionSet
	stage      statementStage
}

// contextNames are the contexts a rule can be of, the deepest first.
var contextNames = []string{ottlexemplar.ContextName, ottldatapoint.ContextName, ottlmetric.ContextName, ottlscope.ContextName, ottlresource.ContextName}

// newParsers returns a parser that infers the context of what it is given from its paths.
func newParsers(functions Functions, set component.TelemetrySettings) (*ottl.ParserCollection[fragment], error) {
	return ottl.NewParserCollection(set,
		withResource(functions.Resource),
		withScope(functions.Scope),
		withMetric(functions.Metric),
		withDataPoint(functions.DataPoint),
		withExemplar(functions.Exemplar),
	)
}

func withResource(functions map[string]ottl.Factory[*ottlresource.TransformContext]) ottl.ParserCollectionOption[fragment] {
	return func(pc *ottl.ParserCollection[fragment]) error {
		p, err := ottlresource.NewParser(functions, pc.Settings, ottlresource.EnablePathContextNames())
		if err != nil {
			return err
		}
		return withContext(ottlresource.ContextName, &p,
			func(cs conditions[*ottlresource.TransformContext]) conditionSet { return conditionSet{resource: cs} },
			func(ss statements[*ottlresource.TransformContext]) statementStage { return resourceStatements{ss} },
		)(pc)
	}
}

func withScope(functions map[string]ottl.Factory[*ottlscope.TransformContext]) ottl.ParserCollectionOption[fragment] {
	return func(pc *ottl.ParserCollection[fragment]) error {
		p, err := ottlscope.NewParser(functions, pc.Settings, ottlscope.EnablePathContextNames())
		if err != nil {
			return err
		}
		return withContext(ottlscope.ContextName, &p,
			func(cs conditions[*ottlscope.TransformContext]) conditionSet { return conditionSet{scope: cs} },
			func(ss statements[*ottlscope.TransformContext]) statementStage { return scopeStatements{ss} },
		)(pc)
	}
}

func withMetric(functions map[string]ottl.Factory[*ottlmetric.TransformContext]) ottl.ParserCollectionOption[fragment] {
	return func(pc *ottl.ParserCollection[fragment]) error {
		p, err := ottlmetric.NewParser(functions, pc.Settings, ottlmetric.EnablePathContextNames())
		if err != nil {
			return err
		}
		return withContext(ottlmetric.ContextName, &p,
			func(cs conditions[*ottlmetric.TransformContext]) conditionSet { return conditionSet{metric: cs} },
			func(ss statements[*ottlmetric.TransformContext]) statementStage { return metricStatements{ss} },
		)(pc)
	}
}

func withDataPoint(functions map[string]ottl.Factory[*ottldatapoint.TransformContext]) ottl.ParserCollectionOption[fragment] {
	return func(pc *ottl.ParserCollection[fragment]) error {
		p, err := ottldatapoint.NewParser(functions, pc.Settings, ottldatapoint.EnablePathContextNames())
		if err != nil {
			return err
		}
		return withContext(ottldatapoint.ContextName, &p,
			func(cs conditions[*ottldatapoint.TransformContext]) conditionSet { return conditionSet{point: cs} },
			func(ss statements[*ottldatapoint.TransformContext]) statementStage { return pointStatements{ss} },
		)(pc)
	}
}

func withExemplar(functions map[string]ottl.Factory[*ottlexemplar.TransformContext]) ottl.ParserCollectionOption[fragment] {
	return func(pc *ottl.ParserCollection[fragment]) error {
		p, err := ottlexemplar.NewParser(functions, pc.Settings, ottlexemplar.EnablePathContextNames())
		if err != nil {
			return err
		}
		return withContext(ottlexemplar.ContextName, &p,
			func(cs conditions[*ottlexemplar.TransformContext]) conditionSet { return conditionSet{exemplar: cs} },
			func(ss statements[*ottlexemplar.TransformContext]) statementStage { return exemplarStatements{ss} },
		)(pc)
	}
}

func textsOf[T fmt.Stringer](parsed []T) []string {
	texts := make([]string, 0, len(parsed))
	for _, p := range parsed {
		texts = append(texts, p.String())
	}
	return texts
}

func withContext[K any](
	name string,
	parser *ottl.Parser[K],
	toConditions func(conditions[K]) conditionSet,
	toStage func(statements[K]) statementStage,
) ottl.ParserCollectionOption[fragment] {
	return ottl.WithParserCollectionContext(name, parser,
		ottl.WithConditionConverter(func(_ *ottl.ParserCollection[fragment], _ ottl.ConditionsGetter, cs []*ottl.Condition[K]) (fragment, error) {
			return fragment{context: name, texts: textsOf(cs), conditions: toConditions(cs)}, nil
		}),
		ottl.WithStatementConverter(func(_ *ottl.ParserCollection[fragment], _ ottl.StatementsGetter, ss []*ottl.Statement[K]) (fragment, error) {
			return fragment{context: name, texts: textsOf(ss), stage: toStage(statements[K]{list: ss})}, nil
		}),
	)
}
