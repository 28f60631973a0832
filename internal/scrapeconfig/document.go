package scrapeconfig

import (
	"bytes"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// ignoredSections are about what Prometheus does with what it scraped.
var ignoredSections = []string{
	"rule_files", "alerting", "remote_write", "remote_read", "storage", "tracing", "otlp", "runtime",
}

// document is a configuration as a tree that knows its lines.
type document struct{ root *yaml.Node }

func readDocument(text []byte) (document, error) {
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return document{}, err
	}
	if len(node.Content) == 0 {
		return document{root: &yaml.Node{Kind: yaml.MappingNode}}, nil
	}
	root := node.Content[0]
	if root.Kind != yaml.MappingNode {
		return document{}, fmt.Errorf("line %d: a map of sections was expected", root.Line)
	}
	return document{root}, nil
}

// get returns the value of a key of a map, or nil.
func get(m *yaml.Node, key string) *yaml.Node {
	if m == nil || m.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

// withoutSections blanks the sections that are ignored, line by line, so that all others stay on theirs. Sections that
// share lines with others stay, and are checked by Prometheus.
func (d document) withoutSections(text []byte) (kept []byte, ignored []string) {
	lines := bytes.SplitAfter(text, []byte("\n"))
	if d.root.Style&yaml.FlowStyle != 0 {
		return text, nil
	}
	for i := 0; i+1 < len(d.root.Content); i += 2 {
		key, end := d.root.Content[i], len(lines)
		if i+2 < len(d.root.Content) {
			end = d.root.Content[i+2].Line - 1
		}
		if !slices.Contains(ignoredSections, key.Value) {
			continue
		}
		ignored = append(ignored, key.Value)
		for n := key.Line - 1; n < end; n++ {
			lines[n] = []byte("\n")
		}
	}
	return bytes.Join(lines, nil), ignored
}
