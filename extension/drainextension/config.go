package drainextension

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"

	"github.com/sluice-metrics/sluice/internal/drain"
	"github.com/sluice-metrics/sluice/internal/httpserve"
)

const (
	defaultEndpoint         = "localhost:13134"
	defaultTimeout          = 30 * time.Second
	defaultComponentTimeout = 10 * time.Second
)

// Config is the YAML of the drain extension.
type Config struct {
	// ServerConfig is the HTTP server of /livez and /readyz: `endpoint` (default localhost:13134), `tls`, `auth`
	// and the other keys of confighttp.
	ServerConfig confighttp.ServerConfig `mapstructure:",squash"`

	// Delay is how long data is still taken after a signal, while /readyz answers 503. Default 0s.
	Delay time.Duration `mapstructure:"delay"`
	// Timeout bounds the stop after that, in Sluice's own binary. Default 30s.
	Timeout time.Duration `mapstructure:"timeout"`
	// ComponentTimeout is how long a receiver, processor, exporter or task may take to stop before it is left
	// behind; 0s: as long as `timeout`. Default 10s.
	ComponentTimeout time.Duration `mapstructure:"component_timeout"`
	// ReportFile is where the report is written as JSON, in a folder that exists. Default none.
	ReportFile string `mapstructure:"report_file"`
	// Phases switches `delay` and `component_timeout`. Default true.
	Phases bool `mapstructure:"phases"`
	// Flush switches the flush tasks of other components. Default true.
	Flush bool `mapstructure:"flush"`
	// Tracking switches counting points. Default true.
	Tracking bool `mapstructure:"tracking"`

	_ struct{}
}

// Validate reports every problem of the configuration at once.
func (c *Config) Validate() error {
	errs := []error{httpserve.ValidateEndpoint(&c.ServerConfig)}
	if c.Delay < 0 {
		errs = append(errs, fmt.Errorf("`delay` must not be negative, not %v", c.Delay))
	}
	if c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("`timeout` must be positive, not %v", c.Timeout))
	}
	if c.ComponentTimeout < 0 {
		errs = append(errs, fmt.Errorf("`component_timeout` must not be negative, not %v", c.ComponentTimeout))
	}
	return errors.Join(errs...)
}

func (c *Config) limits() drain.Limits {
	l := drain.Limits{Delay: c.Delay, Timeout: c.Timeout, Component: c.ComponentTimeout}
	if !c.Phases {
		l.Delay, l.Component = 0, 0
	}
	return l
}

func createDefaultConfig() component.Config {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Endpoint = defaultEndpoint
	return &Config{
		ServerConfig: server, Timeout: defaultTimeout, ComponentTimeout: defaultComponentTimeout,
		Phases: true, Flush: true, Tracking: true,
	}
}
