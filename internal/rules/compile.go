package rules

import (
	"cmp"
	"errors"
	"fmt"
	"time"

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
	p := newProgram()
	c := compiler{parsers: parsers, readers: readers, mode: set.ErrorMode, memoize: set.Memoize}
	for i, r := range list {
		parts, problems := c.compile(&r)
		for _, problem := range problems {
			errs = append(errs, fmt.Errorf("%s: %w", r.label(i), problem))
		}
		p.add(cmp.Or(r.Name, defaultName(i)), parts)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	p.steps = steps(p.parts, set.Memoize)
	return p, nil
}

func uniqueNames(list []Rule) error {
	first := make(map[string]int, len(list))
	var errs []error
	for i := range list {
		name := cmp.Or(list[i].Name, defaultName(i))
		if j, taken := first[name]; taken {
			errs = append(errs, fmt.Errorf("%s: %w by rules[%d]", list[i].label(i), errDuplicateName, j))
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
	memoize Memoize
}

// compile returns the parts a rule is made of.
func (c *compiler) compile(r *Rule) ([]part, []error) {
	var errs []error
	if r.ErrorMode != "" {
		errs = appendError(errs, validateErrorMode(r.ErrorMode))
	}
	if err := r.validate(); err != nil {
		return nil, append(errs, err)
	}
	parts, problems := c.parts(r)
	if r.DryRun {
		parts = []part{dryPart(parts)}
	}
	return parts, append(errs, problems...)
}

func (c *compiler) parts(r *Rule) ([]part, []error) {
	mode := cmp.Or(r.ErrorMode, c.mode)
	switch {
	case len(r.Drop) > 0:
		return one(c.drop(r.Drop, mode))
	case len(r.Keep) > 0:
		return one(c.keep(r.Keep, mode))
	case len(r.Transform) > 0:
		return one(c.group(Group{Statements: r.Transform}, "transform", mode))
	case len(r.Passes) > 0:
		return several(r.Passes, func(p Pass) (part, []error) { return c.pass(p, cmp.Or(p.ErrorMode, mode)) })
	case len(r.Groups) > 0:
		return several(r.Groups, func(g Group) (part, []error) {
			return c.group(g, g.Key+".statements", cmp.Or(g.ErrorMode, mode))
		})
	case r.Relabel != nil:
		return []part{relabelPart(r.Relabel, mode)}, nil
	case r.Constrain != nil:
		return one(c.constrain(r.Constrain, mode))
	default:
		return []part{stagePart(r.Stage, mode)}, nil
	}
}

func one(p part, errs []error) ([]part, []error) { return []part{p}, errs }

func several[T any](list []T, compile func(T) (part, []error)) ([]part, []error) {
	var parts []part
	var errs []error
	for _, t := range list {
		p, problems := compile(t)
		parts, errs = append(parts, p), append(errs, problems...)
	}
	return parts, errs
}

// classify says how the texts of a fragment are to be evaluated, of which the first has the given index under its key.
func (c *compiler) classify(key string, index int, f fragment, read func(reader, string) Class) []Class {
	classes := make([]Class, 0, len(f.texts))
	for i, text := range f.texts {
		class := read(c.readers[f.context], text)
		class.Key, class.Text, class.context = fmt.Sprintf("%s[%d]", key, index+i), text, f.context
		classes = append(classes, class)
	}
	return classes
}

func appendError(errs []error, err error) []error {
	if err == nil {
		return errs
	}
	return append(errs, err)
}
