package metrics

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// labelTag is the tag of a struct's field that gives the label's name.
const labelTag = "label"

// shape is what a struct of labels looks like, found out once.
type shape[L comparable] struct {
	names    []label // by field, without values
	constant []label
}

// newShape refuses everything that is not a struct of strings with a label's name each.
func newShape[L comparable]() (*shape[L], error) {
	t, s := reflect.TypeFor[L](), &shape[L]{}
	if t.Kind() != reflect.Struct {
		return s, fmt.Errorf("labels %s: not a struct", t)
	}
	if t.NumField() == 0 {
		return s, fmt.Errorf("labels %s: has no fields; an instrument without labels needs no Vec", t)
	}
	var errs []error
	for f := range t.Fields() {
		l, err := labelOf(f)
		if err != nil {
			errs = append(errs, fmt.Errorf("labels %s: %w", t, err))
			continue
		}
		s.names = append(s.names, l)
	}
	return s, errors.Join(errs...)
}

func labelOf(f reflect.StructField) (label, error) {
	name, tagged := f.Tag.Lookup(labelTag)
	switch {
	case f.Type.Kind() != reflect.String:
		return label{}, fmt.Errorf("field %s: is %s, not a string", f.Name, f.Type)
	case !f.IsExported():
		return label{}, fmt.Errorf("field %s: is not exported", f.Name)
	case !tagged:
		return label{}, fmt.Errorf("field %s: has no tag `%s:\"NAME\"`", f.Name, labelTag)
	case name == "":
		return label{}, fmt.Errorf("field %s: its tag names no label", f.Name)
	}
	l, err := newLabel(name, "")
	if err != nil {
		return label{}, fmt.Errorf("field %s: %w", f.Name, err)
	}
	return l, nil
}

// labels are those of the series that values names, the constant ones among them.
func (s *shape[L]) labels(values L) []label {
	v := reflect.ValueOf(values)
	labels := make([]label, len(s.names), len(s.names)+len(s.constant))
	copy(labels, s.names)
	for i := range labels {
		labels[i].value = v.Field(i).String()
	}
	labels = append(labels, s.constant...)
	slices.SortFunc(labels, byPrometheusName)
	return labels
}

// overflow are the labels of the series that takes what the limit leaves out.
func (s *shape[L]) overflow() []label {
	mark := label{name: overflowAttribute, prometheus: "otel_metric_overflow", value: "true"}
	labels := append([]label{mark}, s.constant...)
	slices.SortFunc(labels, byPrometheusName)
	return labels
}

// clean returns values as UTF-8, which both Prometheus and OTLP demand, and whether they were not.
func (s *shape[L]) clean(values L) (L, bool) {
	v := reflect.ValueOf(&values).Elem()
	dirty := false
	for _, field := range v.Fields() {
		if text := field.String(); !utf8.ValidString(text) {
			field.SetString(strings.ToValidUTF8(text, "\uFFFD"))
			dirty = true
		}
	}
	return values, dirty
}
