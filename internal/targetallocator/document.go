package targetallocator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	promconfig "github.com/prometheus/prometheus/config"
	"go.yaml.in/yaml/v2" // Prometheus' own: later versions read some values differently
)

// errNotReady is what an empty answer means: the operator's allocator has no jobs as {} and answers with nothing, and
// the status 200, until it has read its own configuration. To take that for no jobs would end all series.
var errNotReady = errors.New("the answer is empty: the allocator is not ready yet")

// section is one job of an answer. It keeps its error to itself, so that the others are read.
type section struct {
	plain any
	cfg   *promconfig.ScrapeConfig
	err   error
}

// UnmarshalYAML never fails.
func (s *section) UnmarshalYAML(unmarshal func(any) error) error {
	if s.err = unmarshal(&s.plain); s.err == nil {
		s.cfg, s.err = readScrapeConfig(unmarshal)
	}
	s.err = oneLine(s.err)
	return nil
}

// readScrapeConfig leaves out what the allocator itself finds the targets by: it is of no use here, and may be of a kind
// that is not known here. Keys of later versions are left out too.
func readScrapeConfig(unmarshal func(any) error) (*promconfig.ScrapeConfig, error) {
	cfg := promconfig.DefaultScrapeConfig
	type withoutDiscovery promconfig.ScrapeConfig
	if err := unmarshal((*withoutDiscovery)(&cfg)); err != nil {
		return nil, err
	}
	if cfg.JobName == "" {
		return nil, errors.New("`job_name` is empty")
	}
	if slices.Contains(cfg.RelabelConfigs, nil) || slices.Contains(cfg.MetricRelabelConfigs, nil) {
		return nil, errors.New("a relabelling rule is empty")
	}
	return &cfg, cfg.HTTPClientConfig.Validate()
}

// readSections reads an answer in YAML or JSON.
func readSections(text []byte) (map[string]*section, error) {
	var sections map[string]*section
	if err := yaml.Unmarshal(asYAML(text), &sections); err != nil {
		return nil, fmt.Errorf("a map of jobs was expected: %w", oneLine(err))
	}
	if sections == nil && string(bytes.TrimSpace(text)) != "null" {
		return nil, errNotReady
	}
	return sections, nil
}

func oneLine(err error) error {
	if several, ok := errors.AsType[*yaml.TypeError](err); ok {
		return errors.New(strings.Join(several.Errors, "; "))
	}
	return err
}

// asYAML writes JSON in a form that YAML reads: tabs and some escapes are JSON's alone.
func asYAML(text []byte) []byte {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if !json.Valid(text) || dec.Decode(&v) != nil {
		return text
	}
	out, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return out
}
