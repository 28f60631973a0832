package prometheusalias

import (
	"errors"

	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter"
)

var _ confmap.Validator = (*Config)(nil)

// Config has the keys of contrib's prometheus exporter and those of prometheus_pull.
type Config struct {
	// Pull holds the keys that both have, and those of prometheus_pull. One default differs from prometheus_pull's:
	// enable_open_metrics false.
	Pull prometheuspullexporter.Config `mapstructure:",squash"`

	// QueueBatchConfig is a queue before the exporter. Default: none.
	QueueBatchConfig configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`

	// ResourceToTelemetry makes labels of all resource attributes. Default: disabled.
	ResourceToTelemetry ResourceToTelemetry `mapstructure:"resource_to_telemetry_conversion"`

	// AddMetricSuffixes has no effect, as in contrib since v0.132.0. Default: true.
	//
	// Deprecated: use translation_strategy.
	AddMetricSuffixes bool `mapstructure:"add_metric_suffixes"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// ResourceToTelemetry makes labels of resource attributes.
type ResourceToTelemetry struct {
	// Enabled makes a label of each. Default: false.
	Enabled bool `mapstructure:"enabled"`

	// ExcludeServiceAttributes leaves out those that job and instance are made of. Default: false.
	ExcludeServiceAttributes bool `mapstructure:"exclude_service_attributes"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Validate refuses two ways to say the same; the rest is prometheus_pull's.
func (c *Config) Validate() error {
	if c.ResourceToTelemetry.Enabled && len(c.Pull.ResourceLabels.Include) > 0 {
		return errors.New("`resource_to_telemetry_conversion` and `resource_labels` must not both be given")
	}
	return nil
}

// pull is the configuration for prometheus_pull.
func (c *Config) pull() *prometheuspullexporter.Config {
	cfg := c.Pull
	if c.ResourceToTelemetry.Enabled {
		cfg.ResourceLabels.Include = []string{"*"}
	}
	if c.ResourceToTelemetry.Enabled && c.ResourceToTelemetry.ExcludeServiceAttributes {
		cfg.ResourceLabels.Exclude = append(cfg.ResourceLabels.Exclude, "service.name", "service.namespace", "service.instance.id")
	}
	return &cfg
}
