package rules

import (
	"errors"
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
)

var errExemplarCondition = errors.New("conditions on exemplars cannot remove anything")

func (c *compiler) drop(texts []string, mode ottl.ErrorMode) (part, []error) {
	f := &filter{removes: hit}
	classes, errs := c.fill(f, Conditions{Key: "drop", Texts: texts})
	return newPart(f, mode, classes), errs
}

func (c *compiler) keep(texts []string, mode ottl.ErrorMode) (part, []error) {
	f := &filter{removes: miss}
	classes, errs := c.fill(f, Conditions{Key: "keep", Texts: texts})
	return newPart(f, mode, classes), appendError(errs, sameContext(classes))
}

func (c *compiler) pass(p Pass, mode ottl.ErrorMode) (part, []error) {
	f := &filter{removes: hit}
	var all []Class
	var errs []error
	for _, l := range p.Lists {
		classes, problems := c.fill(f, l)
		all, errs = append(all, classes...), append(errs, problems...)
	}
	f.sweeps = len(all) > 0
	return newPart(f, mode, all), errs
}

// fill adds conditions to a filter.
func (c *compiler) fill(f *filter, l Conditions) ([]Class, []error) {
	set, classes, errs := c.conditions(l)
	if len(set.exemplar) > 0 {
		errs = append(errs, fmt.Errorf("%s: %w", l.Key, errExemplarCondition))
	}
	f.add(set)
	return classes, errs
}

// conditions parses each condition by itself. The classes are of those without errors.
func (c *compiler) conditions(l Conditions) (set conditionSet, classes []Class, errs []error) {
	for i, text := range l.Texts {
		f, err := c.condition(l.Context, text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s[%d]: %w", l.Key, i, err))
			continue
		}
		classes = append(classes, c.classify(l.Key, i, f, reader.condition)...)
		set.add(f.conditions)
	}
	return set, classes, errs
}

func (c *compiler) condition(context, text string) (fragment, error) {
	getter := ottl.NewConditionsGetter([]string{text})
	if context == "" {
		return c.parsers.ParseConditions(getter)
	}
	return c.parsers.ParseConditionsWithContext(context, getter, true)
}

// sameContext refuses a keep rule whose conditions are of several contexts: what "matches none" means would depend on
// the level asked.
func sameContext(classes []Class) error {
	for i := range classes {
		if first, other := &classes[0], &classes[i]; other.context != first.context {
			return fmt.Errorf("%s: %w: %q is of context %s, %q of %s",
				other.Key, errKeepContexts, other.Text, other.context, first.Text, first.context)
		}
	}
	return nil
}
