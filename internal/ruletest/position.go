package ruletest

import (
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/sluice-metrics/sluice/internal/promtext"
)

// place is where something stands in a file: keys and indices from the top.
type place []any

func (p place) in(more ...any) place { return append(slices.Clip(p), more...) }

// String returns the place as a key: tests[0].inputs[1].text.
func (p place) String() string {
	text := ""
	for _, step := range p {
		if i, ok := step.(int); ok {
			text += fmt.Sprintf("[%d]", i)
			continue
		}
		if text != "" {
			text += "."
		}
		text += fmt.Sprint(step)
	}
	return text
}

// node returns what stands at a place, or at the last step of it that there is.
func (f *File) node(p place) *yaml.Node {
	n := &f.root
	if n.Kind == yaml.DocumentNode {
		n = n.Content[0]
	}
	for _, step := range p {
		next := child(n, step)
		if next == nil {
			break
		}
		n = next
	}
	return n
}

func child(n *yaml.Node, step any) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if i, ok := step.(int); ok {
		if n.Kind == yaml.SequenceNode && i < len(n.Content) {
			return n.Content[i]
		}
		return nil
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == step {
			return n.Content[i+1]
		}
	}
	return nil
}

// problem is an error at a place of the file.
func (f *File) problem(p place, err error) error {
	if len(p) == 0 {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	return fmt.Errorf("%s:%d: %s: %w", f.path, f.node(p).Line, p, err)
}

func (f *File) problemf(p place, format string, args ...any) error {
	return f.problem(p, fmt.Errorf(format, args...))
}

// inText is an error on a line of a text that stands at a place, whose lines are those of the file if it is a block.
func (f *File) inText(p place, err error) error {
	syntax, ok := errors.AsType[*promtext.SyntaxError](err)
	n := f.node(p)
	if !ok || n.Style != yaml.LiteralStyle {
		return f.problem(p, err)
	}
	return fmt.Errorf("%s:%d: %s: %w", f.path, n.Line+syntax.Line, p, err)
}
