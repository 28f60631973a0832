package rules

import (
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
)

// group parses statements together: one context is inferred for all of them, unless they have one. Key is theirs.
func (c *compiler) group(g Group, key string, mode ottl.ErrorMode) (part, []error) {
	f, err := c.statements(g)
	if err != nil {
		if errs := c.badStatements(g, key); len(errs) > 0 {
			return part{}, errs
		}
		return part{}, []error{fmt.Errorf("%s: %w", key, err)}
	}
	guard, guardClasses, errs := c.guard(g, f.context)
	var s stage = f.stage
	if len(g.Conditions) > 0 {
		s = f.stage.when(guard)
	}
	classes := c.classify(key, 0, f, reader.statement)
	p := newPart(s, mode, append(guardClasses, classes...))
	c.mix(&p, guardClasses, classes)
	c.watch(&p, f, guard)
	return p, errs
}

func (c *compiler) statements(g Group) (fragment, error) {
	getter := ottl.NewStatementsGetter(g.Statements)
	if g.Context != "" {
		return c.parsers.ParseStatementsWithContext(g.Context, getter, true)
	}
	return c.parsers.ParseStatements(getter, ottl.WithContextInferenceConditions(g.Conditions))
}

// guard parses the conditions of a group at the context of its statements.
func (c *compiler) guard(g Group, context string) (conditionSet, []Class, []error) {
	l := Conditions{Key: g.Key + ".conditions", Context: context, Texts: g.Conditions}
	return c.conditions(l)
}

// badStatements names the statements no context can parse. Statements that parse apart but not together have none: the
// fault is the group's.
func (c *compiler) badStatements(g Group, key string) []error {
	var errs []error
	for i, text := range g.Statements {
		alone := Group{Context: g.Context, Statements: []string{text}}
		if c.parsesAnywhere(alone) {
			continue
		}
		if _, err := c.statements(alone); err != nil {
			errs = append(errs, fmt.Errorf("%s[%d]: %w", key, i, err))
		}
	}
	return errs
}

func (c *compiler) parsesAnywhere(alone Group) bool {
	if alone.Context != "" {
		return false
	}
	for _, name := range contextNames {
		if _, err := c.parsers.ParseStatementsWithContext(name, ottl.NewStatementsGetter(alone.Statements), false); err == nil {
			return true
		}
	}
	return false
}
