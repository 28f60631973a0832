package drainextension

import (
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
)

const defaultEndpoint = "localhost:13134"

// Config is the YAML of the drain extension.
type Config struct {
	// ServerConfig is the HTTP server of /livez and /readyz: `endpoint` (default localhost:13134), `tls`, `auth`
	// and the other keys of confighttp.
	ServerConfig confighttp.ServerConfig `mapstructure:",squash"`

	_ struct{}
}

// Validate reports every problem of the configuration at once.
func (c *Config) Validate() error {
	if c.ServerConfig.NetAddr.Endpoint == "" {
		return errors.New("endpoint: must be host:port, for example localhost:13134")
	}
	return nil
}

func createDefaultConfig() component.Config {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Endpoint = defaultEndpoint
	return &Config{ServerConfig: server}
}
