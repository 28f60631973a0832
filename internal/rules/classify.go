package rules

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlexemplar"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlmetric"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlresource"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlscope"
)

// Class says how a condition or statement is evaluated.
type Class struct {
	// Rule is the name of the rule, Key where in it the text is, such as "drop[0]".
	Rule, Key string
	Text      string
	// EveryTime is why the text is evaluated on every point, empty if once per series is enough.
	EveryTime string

	context string
	reads   reads
	// swaps says that the statement removes an attribute as pcommon.Map.Remove does.
	swaps bool
	// values says that the statement reads and writes nothing but identityPaths and valuePaths, and writes one of the
	// latter; looks says that it reads one of the former that a rule may write.
	values, looks bool
}

// reader finds out how a text has to be evaluated.
type reader interface {
	condition(text string) Class
	statement(text string) Class
}

// newReaders returns a reader for each context.
func newReaders(f Functions, set component.TelemetrySettings) (map[string]reader, error) {
	readers := map[string]reader{}
	var err error
	add := func(name string, r reader, problem error) {
		readers[name] = r
		if problem != nil {
			err = problem
		}
	}
	r, problem := newRecorder(ottlresource.ContextName, f.Resource, set)
	add(ottlresource.ContextName, r, problem)
	s, problem := newRecorder(ottlscope.ContextName, f.Scope, set)
	add(ottlscope.ContextName, s, problem)
	m, problem := newRecorder(ottlmetric.ContextName, f.Metric, set)
	add(ottlmetric.ContextName, m, problem)
	d, problem := newRecorder(ottldatapoint.ContextName, f.DataPoint, set)
	add(ottldatapoint.ContextName, d, problem)
	add(ottlexemplar.ContextName, unread("it is about exemplars"), nil)
	return readers, err
}

// unread is a reader that looks into nothing, and why.
type unread string

func (u unread) condition(string) Class { return Class{EveryTime: string(u)} }
func (u unread) statement(string) Class { return Class{EveryTime: string(u)} }

// recorder parses what has been parsed already, to see the paths and functions it is made of. Nothing it parses is ever
// executed.
type recorder[K any] struct {
	context string
	parser  ottl.Parser[K]
	// The text being parsed: what is known of it, the paths it has, and how many of them it writes.
	class  Class
	uses   []*use
	writes int
	target *use
}

// use is a path in a text.
type use struct {
	name string
	// key is the attribute it is about, known is false if it is about all or about one that only running tells.
	key   string
	known bool
	// nested says that the path goes on into the attribute, replaced that the attribute becomes another or none, whatever
	// it was.
	nested, replaced bool
}

// pathContexts are the contexts a path may name in any of ours; a parser proper has refused what does not fit.
var pathContexts = []string{"resource", "scope", "instrumentation_scope", "metric", "datapoint", "exemplar", "otelcol"}

func newRecorder[K any](name string, functions map[string]ottl.Factory[K], set component.TelemetrySettings) (*recorder[K], error) {
	r := &recorder[K]{context: name}
	seen := make(map[string]ottl.Factory[K], len(functions))
	for _, f := range functions {
		seen[f.Name()] = ottl.NewFactory(f.Name(), f.CreateDefaultArguments(), r.function(f.Name()))
	}
	var err error
	r.parser, err = ottl.NewParser(seen, r.path, set,
		ottl.WithPathContextNames[K](pathContexts),
		ottl.WithEnumParser[K](func(*ottl.EnumSymbol) (*ottl.Enum, error) { return new(ottl.Enum), nil }))
	return r, err
}

func (r *recorder[K]) condition(text string) Class {
	r.begin()
	if _, err := r.parser.ParseCondition(text); err != nil {
		r.refuse("it cannot be looked into: %v", err)
	}
	return r.end()
}

func (r *recorder[K]) statement(text string) Class {
	r.begin()
	if _, err := r.parser.ParseStatement(text); err != nil {
		r.refuse("it cannot be looked into: %v", err)
	}
	if r.writes != 1 {
		r.refuse("what it writes is not known")
	}
	return r.end()
}

func (r *recorder[K]) begin() {
	r.class, r.uses, r.writes, r.target = Class{values: true}, nil, 0, nil
}

func (r *recorder[K]) end() Class {
	r.class.reads.resource = r.context == ottlresource.ContextName
	r.class.reads.scope = r.context == ottlscope.ContextName
	for _, u := range r.uses {
		r.class.reads.add(u.reads())
		r.class.looks = r.class.looks || anyOwn(u.name)
	}
	r.class.values = r.class.values && r.target != nil && valuePaths[r.target.name]
	return r.class
}

func (u *use) reads() reads {
	context, _, _ := strings.Cut(u.name, ".")
	switch {
	case context == "resource":
		return reads{resource: true}
	case context == "scope" || context == "instrumentation_scope":
		return reads{scope: true}
	case context == "datapoint" && u.known:
		return reads{keys: []keyRead{{u.key, !u.replaced}}}
	case context == "datapoint":
		return reads{all: true}
	}
	return reads{}
}

func (r *recorder[K]) because(format string, args ...any) {
	if r.class.EveryTime == "" {
		r.class.EveryTime = fmt.Sprintf(format, args...)
	}
}

// refuse is because, of a text that is not even about values alone.
func (r *recorder[K]) refuse(format string, args ...any) {
	r.class.values = false
	r.because(format, args...)
}

func anyOwn(path string) bool { return ownPaths["metric"][path] || ownPaths["datapoint"][path] }

// path takes note of a path. It consumes the keys, as a path parser must; paths inside a key come here by themselves.
//
//nolint:unparam // the signature is OTTL's
func (r *recorder[K]) path(p ottl.Path[K]) (ottl.GetSetter[K], error) {
	u := &use{name: p.Context()}
	for at := p; at != nil; at = next(at) {
		u.name += "." + at.Name()
		u.key, u.known = firstKey(at.Keys())
		u.nested = len(at.Keys()) > 1
	}
	switch {
	case identityPaths[u.name]:
	case valuePaths[u.name]:
		r.because("it reads %s", u.name)
	default:
		r.refuse("it reads %s", u.name)
	}
	r.uses = append(r.uses, u)
	return ottl.StandardGetSetter[K]{
		Getter: func(context.Context, K) (any, error) { return nil, nil },
		Setter: func(context.Context, K, any) error { r.written(u); return nil },
	}, nil
}

// firstKey returns the first of a path's keys if it is written there.
func firstKey[K any](keys []ottl.Key[K]) (string, bool) {
	var nobody K
	if len(keys) == 0 {
		return "", false
	}
	key, err := keys[0].String(context.Background(), nobody)
	if err != nil || key == nil {
		return "", false
	}
	return *key, true
}

// next is p.Next() without the nil pointer that the interface would hide.
func next[K any](p ottl.Path[K]) ottl.Path[K] {
	n := p.Next()
	if n == nil || reflect.ValueOf(n).IsNil() {
		return nil
	}
	return n
}

func (r *recorder[K]) written(u *use) {
	r.writes++
	r.target = u
	if !ownPaths[r.context][u.name] {
		r.because("it writes %s", u.name)
	}
}

// function takes note of a function when it is called for, and of what an editor writes.
func (r *recorder[K]) function(name string) ottl.CreateFunctionFunc[K] {
	editor := unicode.IsLower(rune(name[0]))
	return func(_ ottl.FunctionContext, args ottl.Arguments) (ottl.ExprFunc[K], error) {
		if !reviewedConverters[name] && !reviewedEditors[name] {
			r.refuse("it calls %s", name)
		}
		if takesFunction(args) {
			r.refuse("it hands a function to %s", name)
		}
		if editor {
			r.probe(args)
		}
		switch name {
		case "delete_key":
			r.deletes(args)
		case "set":
			r.sets()
		}
		return func(context.Context, K) (any, error) { return nil, nil }, nil
	}
}

// probe writes to an editor's target, which is a path of ours.
func (r *recorder[K]) probe(args ottl.Arguments) {
	var nobody K
	switch target := field(args, "Target").(type) {
	case ottl.PMapGetSetter[K]:
		_ = target.Set(context.Background(), nobody, pcommon.NewMap())
	case ottl.Setter[K]:
		_ = target.Set(context.Background(), nobody, nil)
	}
}

// deletes takes note that delete_key is about one attribute, if its key is written there, though its path names all.
func (r *recorder[K]) deletes(args ottl.Arguments) {
	r.class.swaps = true
	getter, ok := field(args, "Key").(ottl.StringGetter[K])
	if !ok || r.target == nil || r.target.known {
		return
	}
	r.target.key, r.target.known = ottl.GetLiteralValue[K, string](getter)
	r.target.replaced = true
}

// sets takes note that set looks at nothing of the attribute it sets, if it is not about a part of it.
func (r *recorder[K]) sets() {
	if r.target != nil {
		r.target.replaced = !r.target.nested
	}
}

func takesFunction(args ottl.Arguments) bool {
	optional, ok := field(args, "Function").(interface{ IsEmpty() bool })
	return ok && !optional.IsEmpty()
}

// field returns a field of the struct that an OTTL function's arguments are, nil if there is none.
func field(args ottl.Arguments, name string) any {
	v := reflect.Indirect(reflect.ValueOf(args))
	if v.Kind() != reflect.Struct {
		return nil
	}
	f := v.FieldByName(name)
	if !f.IsValid() {
		return nil
	}
	return f.Interface()
}
