package rules

import (
	"cmp"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
)

// Settings are what rules are compiled with.
type Settings struct {
	// Functions are the OTTL functions a rule may call.
	Functions Functions
	// ErrorMode is the mode of the rules that have none of their own; empty means ottl.IgnoreError.
	ErrorMode ottl.ErrorMode
	// Telemetry is handed to OTTL, which only logs to it, at debug level.
	Telemetry component.TelemetrySettings
}

// Compile parses the rules. The error joins every problem found, each naming its rule's position and name, the key and
// the index of the condition or statement.
func Compile(set Settings, list []Rule) (*Program, error) {
	parsers, err := newParsers(set.Functions, set.Telemetry)
	if err != nil {
		return nil, err
	}
	set.ErrorMode = cmp.Or(set.ErrorMode, ottl.IgnoreError)
	errs := []error{validateErrorMode(set.ErrorMode), uniqueNames(list)}
	p := &Program{rules: make([]compiledRule, 0, len(list))}
	c := compiler{parsers: parsers, mode: set.ErrorMode}
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
	mode    ottl.ErrorMode
}

func (c compiler) compile(r Rule, name string) (compiledRule, []error) {
	var errs []error
	mode := cmp.Or(r.ErrorMode, c.mode)
	if r.ErrorMode != "" {
		errs = appendError(errs, validateErrorMode(r.ErrorMode))
	}
	if err := r.validate(); err != nil {
		return compiledRule{}, append(errs, err)
	}
	s, stageErrs := c.stage(r)
	return compiledRule{name: name, mode: newErrorPolicy(mode), stage: s}, append(errs, stageErrs...)
}

func appendError(errs []error, err error) []error {
	if err == nil {
		return errs
	}
	return append(errs, err)
}

func (c compiler) stage(r Rule) (stage, []error) {
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
func (c compiler) conditions(key string, texts []string) (conditionSet, []string, []error) {
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
func (c compiler) statements(texts []string) (stage, []error) {
	f, err := c.parsers.ParseStatements(ottl.NewStatementsGetter(texts))
	if err == nil {
		return f.stage, nil
	}
	if errs := c.badStatements(texts); len(errs) > 0 {
		return nil, errs
	}
	return nil, []error{fmt.Errorf("transform: %w", err)}
}

// badStatements names the statements no context can parse. Statements that parse apart but not together have none: the
// fault is the group's.
func (c compiler) badStatements(texts []string) []error {
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

func (c compiler) parsesAnywhere(alone ottl.StatementsGetter) bool {
	for _, name := range contextNames {
		if _, err := c.parsers.ParseStatementsWithContext(name, alone, false); err == nil {
			return true
		}
	}
	return false
}
