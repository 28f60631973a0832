package rules

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlmetric"
)

// Settings are what rules are compiled with.
type Settings struct {
	// Functions are the OTTL functions a rule may call.
	Functions Functions
	// ErrorMode is the mode of the rules that have none of their own; empty means ottl.IgnoreError.
	ErrorMode ottl.ErrorMode
	// Telemetry is handed to OTTL, which only logs to it, at debug level.
	Telemetry component.TelemetrySettings
	// Memoize bounds what is remembered of series. The zero value remembers nothing: all rules run every time.
	Memoize Memoize
}

// Memoize bounds what is remembered of series.
type Memoize struct {
	// MaxSeries is for how many series outcomes are remembered, for each row of rules that can be. 0 is for none.
	MaxSeries int
	// Expiration is how long after its last point a series is forgotten at the latest, if there are others.
	Expiration time.Duration
}

// Compile parses the rules. The error joins every problem found, each naming its rule's position and name, the key and
// the index of the condition or statement.
func Compile(set Settings, list []Rule) (*Program, error) {
	parsers, err := newParsers(set.Functions, set.Telemetry)
	if err != nil {
		return nil, err
	}
	readers, err := newReaders(set.Functions, set.Telemetry)
	if err != nil {
		return nil, err
	}
	set.ErrorMode = cmp.Or(set.ErrorMode, ottl.IgnoreError)
	errs := []error{validateErrorMode(set.ErrorMode), uniqueNames(list)}
	p := &Program{rules: make([]compiledRule, 0, len(list))}
	c := compiler{parsers: parsers, readers: readers, mode: set.ErrorMode}
	for i, r := range list {
		compiled, problems := c.compile(r, cmp.Or(r.Name, defaultName(i)))
		for _, problem := range problems {
			errs = append(errs, fmt.Errorf("%s: %w", r.label(i), problem))
		}
		p.rules = append(p.rules, compiled)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	p.classes = c.classes
	p.steps = steps(p.rules, set.Memoize)
	return p, nil
}

func uniqueNames(list []Rule) error {
	first := make(map[string]int, len(list))
	var errs []error
	for i, r := range list {
		name := cmp.Or(r.Name, defaultName(i))
		if j, taken := first[name]; taken {
			errs = append(errs, fmt.Errorf("%s: %w by rules[%d]", r.label(i), errDuplicateName, j))
			continue
		}
		first[name] = i
	}
	return errors.Join(errs...)
}

type compiler struct {
	parsers *ottl.ParserCollection[fragment]
	readers map[string]reader
	mode    ottl.ErrorMode
	// classes grows with each text compiled.
	classes []Class
}

func (c *compiler) compile(r Rule, name string) (compiledRule, []error) {
	var errs []error
	mode := cmp.Or(r.ErrorMode, c.mode)
	if r.ErrorMode != "" {
		errs = appendError(errs, validateErrorMode(r.ErrorMode))
	}
	if err := r.validate(); err != nil {
		return compiledRule{}, append(errs, err)
	}
	before := len(c.classes)
	s, stageErrs := c.stage(r)
	compiled := compiledRule{name: name, mode: newErrorPolicy(mode), stage: s, removes: len(r.Transform) == 0}
	compiled.take(c.classes[before:])
	c.mix(&compiled, c.classes[before:])
	return compiled, append(errs, stageErrs...)
}

// take takes over what the classes of a rule's texts say.
func (r *compiledRule) take(classes []Class) {
	r.pure, r.swaps, r.contexts = true, map[string]bool{}, map[string]string{}
	for i := range classes {
		class := &classes[i]
		class.Rule = r.name
		r.pure = r.pure && class.EveryTime == ""
		r.reads.add(class.reads)
		r.swaps[class.Text] = class.swaps
		r.contexts[class.Text] = class.context
	}
	r.writes = r.pure && !r.removes
	r.writesMetric = r.writes && len(classes) > 0 && classes[0].context == ottlmetric.ContextName
}

// mix makes a rule pure of which some statements are about values alone, by setting those apart.
func (c *compiler) mix(r *compiledRule, classes []Class) {
	if r.pure || r.removes {
		return
	}
	stage, ok := r.stage.(pointStatements)
	if !ok {
		return
	}
	mixed, reads, looks, writes := make(mixedStatements, 0, len(stage)), reads{}, false, false
	for i, s := range stage {
		class := &classes[i]
		if class.EveryTime == "" {
			if looks {
				return
			}
			mixed = append(mixed, mixedStatement{pure: s})
			reads.add(class.reads)
			writes = true
			continue
		}
		if !class.values {
			return
		}
		v, rest, guard := c.valueStatement(s)
		mixed = append(mixed, mixedStatement{value: v})
		reads.add(guard)
		looks = looks || rest
	}
	r.pure, r.mixed, r.reads, r.looks, r.writes = true, mixed, reads, looks, writes
}

// valueStatement sets a statement about values apart. looks says whether what is left for the point itself reads what a
// pure statement may write, guard what the part that is not left reads.
func (c *compiler) valueStatement(s *ottl.Statement[*ottldatapoint.TransformContext]) (v *valueStatement, looks bool, guard reads) {
	reader := c.readers[ottldatapoint.ContextName]
	whole := reader.statement(s.String())
	v = &valueStatement{text: s.String(), body: s}
	body, where, ok := splitWhere(s.String())
	if !ok {
		v.kernel, v.always = newKernel(body), true
		return v, whole.looks, reads{}
	}
	class := reader.condition(where)
	if class.EveryTime != "" {
		return v, whole.looks, reads{}
	}
	condition, err := c.parsers.ParseConditionsWithContext(ottldatapoint.ContextName, ottl.NewConditionsGetter([]string{where}), false)
	if err != nil || len(condition.conditions.point) != 1 {
		return v, whole.looks, reads{}
	}
	alone, err := c.parsers.ParseStatementsWithContext(ottldatapoint.ContextName, ottl.NewStatementsGetter([]string{body}), false)
	if err != nil {
		return v, whole.looks, reads{}
	}
	v.guard, v.body, v.kernel = condition.conditions.point[0], alone.stage.(pointStatements)[0], newKernel(body)
	return v, reader.statement(body).looks, class.reads
}

// classify takes note of how a text that parsed at a context is to be evaluated.
func (c *compiler) classify(key string, index int, context, text string, class Class) {
	class.Key, class.Text, class.context = fmt.Sprintf("%s[%d]", key, index), text, context
	c.classes = append(c.classes, class)
}

func appendError(errs []error, err error) []error {
	if err == nil {
		return errs
	}
	return append(errs, err)
}

func (c *compiler) stage(r Rule) (stage, []error) {
	switch {
	case len(r.Drop) > 0:
		set, _, errs := c.conditions("drop", r.Drop)
		return &filter{conditionSet: set, removes: hit}, errs
	case len(r.Keep) > 0:
		set, contexts, errs := c.conditions("keep", r.Keep)
		return &filter{conditionSet: set, removes: miss}, appendError(errs, sameContext(r.Keep, contexts))
	default:
		return c.statements(r.Transform)
	}
}

// conditions parses each condition at the context its own paths infer. It returns those contexts too, empty where the
// condition is in error.
func (c *compiler) conditions(key string, texts []string) (conditionSet, []string, []error) {
	var set conditionSet
	var errs []error
	contexts := make([]string, len(texts))
	for i, text := range texts {
		f, err := c.parsers.ParseConditions(ottl.NewConditionsGetter([]string{text}))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s[%d]: %w", key, i, err))
			continue
		}
		contexts[i] = f.context
		c.classify(key, i, f.context, text, c.readers[f.context].condition(text))
		set.add(f.conditions)
	}
	return set, contexts, errs
}

// sameContext refuses a keep rule whose conditions are of several contexts: what "matches none" means would depend on
// the level asked.
func sameContext(texts, contexts []string) error {
	for i := range contexts {
		if contexts[0] != "" && contexts[i] != "" && contexts[i] != contexts[0] {
			return fmt.Errorf("keep[%d]: %w: %q is of context %s, %q of %s", i, errKeepContexts, texts[i], contexts[i], texts[0], contexts[0])
		}
	}
	return nil
}

// statements parses the statements as one group: one context is inferred for all of them.
func (c *compiler) statements(texts []string) (stage, []error) {
	f, err := c.parsers.ParseStatements(ottl.NewStatementsGetter(texts))
	if err == nil {
		for i, text := range texts {
			c.classify("transform", i, f.context, text, c.readers[f.context].statement(text))
		}
		return f.stage, nil
	}
	if errs := c.badStatements(texts); len(errs) > 0 {
		return nil, errs
	}
	return nil, []error{fmt.Errorf("transform: %w", err)}
}

// badStatements names the statements no context can parse. Statements that parse apart but not together have none: the
// fault is the group's.
func (c *compiler) badStatements(texts []string) []error {
	var errs []error
	for i, text := range texts {
		alone := ottl.NewStatementsGetter([]string{text})
		if c.parsesAnywhere(alone) {
			continue
		}
		if _, err := c.parsers.ParseStatements(alone); err != nil {
			errs = append(errs, fmt.Errorf("transform[%d]: %w", i, err))
		}
	}
	return errs
}

func (c *compiler) parsesAnywhere(alone ottl.StatementsGetter) bool {
	for _, name := range contextNames {
		if _, err := c.parsers.ParseStatementsWithContext(name, alone, false); err == nil {
			return true
		}
	}
	return false
}
