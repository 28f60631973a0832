package streamerprocessor

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	promrelabel "github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v2" // Prometheus' own: later versions read some values differently

	"github.com/sluice-metrics/sluice/internal/relabel"
	"github.com/sluice-metrics/sluice/internal/rules"
)

// RelabelConfig is a Prometheus relabel_config; Prometheus' own code reads it.
type RelabelConfig map[string]any

// relabel adds the relabel configs to a rule.
func (c *RuleConfig) relabel(r *rules.Rule) error {
	if len(c.Relabel) == 0 {
		return nil
	}
	var configs []*promrelabel.Config
	var errs []error
	for i, raw := range c.Relabel {
		config, err := raw.parse()
		if err != nil {
			errs = append(errs, fmt.Errorf("relabel[%d]: %w", i, err))
		}
		configs = append(configs, config)
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	r.Relabel = relabel.New(configs)
	return nil
}

var relabelKeys = []string{"source_labels", "separator", "regex", "modulus", "target_label", "replacement", "action"}

// parse names the key of each value that Prometheus does not take.
func (c RelabelConfig) parse() (*promrelabel.Config, error) {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(c)) {
		if err := c.check(key); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	config := &promrelabel.Config{}
	if err := unmarshal(c, config); err != nil {
		return nil, err
	}
	return config, config.Validate(model.UTF8Validation)
}

func (c RelabelConfig) check(key string) error {
	if !slices.Contains(relabelKeys, key) {
		return fmt.Errorf("unknown key, must be one of %s", strings.Join(relabelKeys, ", "))
	}
	if _, rounded := c[key].(float64); rounded && key != "modulus" { // 1.50 has become 1.5 before it comes here
		return fmt.Errorf("must be in quotes, to be %v as it is written", c[key])
	}
	return unmarshal(RelabelConfig{key: c[key]}, &promrelabel.Config{})
}

func unmarshal(c RelabelConfig, into *promrelabel.Config) error {
	text, err := yaml.Marshal(map[string]any(c))
	if err != nil {
		return err
	}
	return flat(yaml.UnmarshalStrict(text, into))
}

// flat is a YAML error without the numbers of lines that nobody has written.
func flat(err error) error {
	var typed *yaml.TypeError
	if !errors.As(err, &typed) {
		return err
	}
	var errs []error
	for _, text := range typed.Errors {
		_, fault, _ := strings.Cut(text, ": ")
		errs = append(errs, errors.New(fault))
	}
	return errors.Join(errs...)
}
