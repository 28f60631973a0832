package prometheusscrapereceiver

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"strings"

	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"
)

var _ confmap.Unmarshaler = (*Section)(nil)

// Section is a part of the configuration in the terms of Prometheus, as the collector has read it.
type Section struct{ values map[string]any }

// NewSection returns a section for a configuration made by Go code. It holds what YAML can.
func NewSection(values map[string]any) Section { return Section{values} }

// Unmarshal keeps the section; what it means is found out when the configuration is validated.
func (s *Section) Unmarshal(conf *confmap.Conf) error {
	values, err := readTree(conf)
	if len(values) > 0 {
		s.values = values
	}
	return err
}

// with returns a copy in which a key has the value.
func (s Section) with(key string, value any) Section {
	values := maps.Clone(s.values)
	if values == nil {
		values = map[string]any{}
	}
	values[key] = value
	return Section{values}
}

func (s Section) given() bool { return len(s.values) > 0 }

// holds tells whether a list is there and not empty.
func (s Section) holds(key string) bool {
	list, _ := s.values[key].([]any)
	return len(list) > 0
}

// into decodes the section into a type with YAML tags, and refuses keys that it does not have.
func (s Section) into(out any) error {
	text, err := yaml.Marshal(s.values)
	if err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(out); err != nil && !errors.Is(err, io.EOF) {
		return errors.New(strings.ReplaceAll(err.Error(), "\n", ""))
	}
	return nil
}
