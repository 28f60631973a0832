package ruletest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// shown bounds the lines of a difference.
const shown = 40

// difference tells two lists of lines apart, whatever their order: what is only in want with a minus, what is only in got
// with a plus. It is nil if there is none.
func difference(want, got []string) []string {
	balance := map[string]int{}
	for _, line := range want {
		balance[line]++
	}
	for _, line := range got {
		balance[line]--
	}
	var lines []string
	for line, n := range balance {
		for ; n > 0; n-- {
			lines = append(lines, "- "+line)
		}
		for ; n < 0; n++ {
			lines = append(lines, "+ "+line)
		}
	}
	slices.SortFunc(lines, func(a, b string) int {
		if c := strings.Compare(a[2:], b[2:]); c != 0 {
			return c
		}
		return -strings.Compare(a, b)
	})
	if more := len(lines) - shown; more > 0 {
		lines = append(lines[:shown], fmt.Sprintf("and %d more", more))
	}
	return lines
}

// compareText compares metrics with a page in all that the page tells.
func compareText(want *page, md pmetric.Metrics) []string {
	got := pageOf(md)
	return difference(
		slices.Concat(want.factLines(want), want.lines(want)),
		slices.Concat(got.factLines(want), got.lines(want)))
}

// compareOTLP compares metrics in everything but order.
func compareOTLP(want, got pmetric.Metrics) ([]string, error) {
	wanted, err := otlpLines(want)
	if err != nil {
		return nil, err
	}
	gotten, err := otlpLines(got)
	return difference(wanted, gotten), err
}

// otlpLines writes each point, and what holds none, as a line of JSON with all around it.
func otlpLines(md pmetric.Metrics) ([]string, error) {
	text, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
	if err != nil {
		return nil, err
	}
	exact := json.NewDecoder(bytes.NewReader(text))
	exact.UseNumber()
	var root object
	if err := exact.Decode(&root); err != nil {
		return nil, err
	}
	var l liner
	l.spread(root, nil, levels)
	return l.lines, l.err
}

type object = map[string]any

// levels are the lists that lead to points, from the outside.
var levels = []string{"resourceMetrics", "scopeMetrics", "metrics", "dataPoints"}

// liner writes the lines of a tree.
type liner struct {
	lines []string
	err   error
}

// around are the parts that a line has got from the levels above.
type around []string

func (l *liner) spread(o object, above around, levels []string) {
	if len(levels) == 0 {
		l.lines = append(l.lines, strings.Join(above, " in "))
		return
	}
	if data := dataOf(o); data != nil && len(levels) == 1 {
		o = data
	}
	children, _ := o[levels[0]].([]any)
	if len(children) == 0 && len(above) > 0 {
		l.lines = append(l.lines, strings.Join(above, " in "))
	}
	for _, c := range children {
		child, _ := c.(object)
		l.spread(child, append(around{l.describe(child, levels)}, above...), levels[1:])
	}
}

// data are the keys of a metric that hold its points.
var data = []string{"gauge", "sum", "histogram", "exponentialHistogram", "summary"}

// dataOf returns what holds the points, if o is a metric.
func dataOf(o object) object {
	for _, key := range data {
		if d, ok := o[key].(object); ok {
			return d
		}
	}
	return nil
}

// describe writes an object without the objects of the next levels.
func (l *liner) describe(o object, levels []string) string {
	own := object{}
	for key, value := range o {
		if len(levels) > 1 && key == levels[1] {
			continue
		}
		if d, ok := value.(object); ok && slices.Contains(data, key) {
			value = without(d, "dataPoints")
		}
		own[key] = sorted(value)
	}
	text, err := json.Marshal(own)
	if err != nil {
		l.err = err
	}
	return string(text)
}

func without(o object, key string) object {
	rest := object{}
	for k, v := range o {
		if k != key {
			rest[k] = v
		}
	}
	return rest
}

// sorted sorts attributes by their keys, however deep.
func sorted(value any) any {
	switch v := value.(type) {
	case object:
		for k, inner := range v {
			v[k] = sorted(inner)
		}
	case []any:
		for i := range v {
			v[i] = sorted(v[i])
		}
		slices.SortStableFunc(v, func(a, b any) int { return strings.Compare(keyOf(a), keyOf(b)) })
	}
	return value
}

func keyOf(value any) string {
	o, _ := value.(object)
	key, _ := o["key"].(string)
	return key
}
