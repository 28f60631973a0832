package prometheusscrapereceiver

import (
	"slices"

	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"
)

// textKeys are the maps whose values are always text.
var textKeys = []string{"external_labels", "labels", "params"}

// readTree returns what is in conf, with the variables in it as they were written: the collector reads ${env:PASSWORD} as
// YAML, which makes 83 of 0123 and a date of 2026-01-02, and the user cannot quote it.
func readTree(conf *confmap.Conf) (map[string]any, error) {
	var top branch
	if err := top.Unmarshal(conf); err != nil {
		return nil, err
	}
	values, _ := texts(top.value, false).(map[string]any)
	return values, nil
}

// branch is a value of any kind.
type branch struct{ value any }

var (
	_ confmap.Unmarshaler       = (*branch)(nil)
	_ confmap.ScalarUnmarshaler = (*branch)(nil)
)

// Unmarshal reads a map.
func (b *branch) Unmarshal(conf *confmap.Conf) error {
	var branches map[string]branch
	var words map[string]word
	if err := conf.Unmarshal(&branches); err != nil {
		return err
	}
	if err := conf.Unmarshal(&words); err != nil {
		return err
	}
	values := make(map[string]any, len(branches))
	for key, v := range branches {
		values[key] = verbatim(v.value, words[key])
	}
	b.value = values
	return nil
}

// UnmarshalScalar reads a list and what has no parts.
func (b *branch) UnmarshalScalar(v confmap.ScalarValue) error {
	b.value = v.GetRaw()
	if _, isList := b.value.([]any); !isList {
		return nil
	}
	var branches []branch
	var words []word
	if err := v.Unmarshal(&branches); err != nil {
		return err
	}
	if err := v.Unmarshal(&words); err != nil {
		return err
	}
	values := make([]any, len(branches))
	for i, v := range branches {
		values[i] = verbatim(v.value, words[i])
	}
	b.value = values
	return nil
}

// word is "=" and the text of a value, as the collector hands it to a field of text; empty if the value is no text.
type word string

var (
	_ confmap.Unmarshaler       = (*word)(nil)
	_ confmap.ScalarUnmarshaler = (*word)(nil)
)

// Unmarshal takes maps out of the way.
func (*word) Unmarshal(*confmap.Conf) error { return nil }

// UnmarshalScalar keeps text.
func (w *word) UnmarshalScalar(v confmap.ScalarValue) error {
	if text, ok := v.GetRaw().(string); ok {
		*w = word("=" + text)
	}
	return nil
}

// verbatim is the value of a variable as YAML that has not been read yet, and any other value as it is.
func verbatim(value any, w word) any {
	switch value.(type) {
	case string, map[string]any, []any:
		return value
	}
	if w == "" {
		return value
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: string(w[1:])}
}

// texts makes strings of the variables in maps of text.
func texts(value any, text bool) any {
	switch v := value.(type) {
	case map[string]any:
		for key, child := range v {
			v[key] = texts(child, text || slices.Contains(textKeys, key))
		}
	case []any:
		for i, child := range v {
			v[i] = texts(child, text)
		}
	case *yaml.Node:
		if text {
			return v.Value
		}
	}
	return value
}
