package rulestest

import (
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
)

// Signature is an OTTL function as its factory declares it: so that a function nobody has thought of is tried as well.
type Signature struct {
	Name string
	Args []Arg
}

// Arg is an argument of a function. Kind is its Go type without type parameters, such as StringGetter.
type Arg struct {
	Name, Kind     string
	Optional, List bool
}

// Editor reports whether it is one, and no converter.
func (s Signature) Editor() bool { return unicode.IsLower(rune(s.Name[0])) }

// Signatures are those of functions, in the order of their names.
func Signatures[K any](functions map[string]ottl.Factory[K]) []Signature {
	list := make([]Signature, 0, len(functions))
	for name, f := range functions {
		list = append(list, Signature{Name: name, Args: args(f.CreateDefaultArguments())})
	}
	slices.SortFunc(list, func(a, b Signature) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func args(of any) []Arg {
	if of == nil {
		return nil
	}
	t := reflect.TypeOf(of)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var list []Arg
	for f := range t.Fields() {
		list = append(list, arg(f))
	}
	return list
}

func arg(f reflect.StructField) Arg {
	a := Arg{Name: f.Name}
	t := f.Type
	if strings.HasPrefix(t.Name(), "Optional[") {
		a.Optional = true
		t = t.Field(0).Type // the value
	}
	if t.Kind() == reflect.Slice {
		a.List = true
		t = t.Elem()
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	a.Kind, _, _ = strings.Cut(t.Name(), "[")
	return a
}
