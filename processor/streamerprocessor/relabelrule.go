package streamerprocessor

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/prometheus/common/model"
	promrelabel "github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

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

// relabelKeys are those of a relabel_config; Prometheus ignores others where it reads one by itself.
type relabelKeys struct {
	SourceLabels any `yaml:"source_labels"`
	Separator    any `yaml:"separator"`
	Regex        any `yaml:"regex"`
	Modulus      any `yaml:"modulus"`
	TargetLabel  any `yaml:"target_label"`
	Replacement  any `yaml:"replacement"`
	Action       any `yaml:"action"`
}

func (c RelabelConfig) parse() (*promrelabel.Config, error) {
	text, err := yaml.Marshal(map[string]any(c))
	if err != nil {
		return nil, err
	}
	strict := yaml.NewDecoder(bytes.NewReader(text))
	strict.KnownFields(true)
	if err := strict.Decode(&relabelKeys{}); err != nil {
		return nil, err
	}
	config := &promrelabel.Config{}
	if err := yaml.Unmarshal(text, config); err != nil {
		return nil, err
	}
	return config, config.Validate(model.UTF8Validation)
}
