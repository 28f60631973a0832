package drainextension

import (
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"

	"github.com/sluice-metrics/sluice/internal/httpserve"
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
	return httpserve.ValidateEndpoint(&c.ServerConfig)
}

func createDefaultConfig() component.Config {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Endpoint = defaultEndpoint
	return &Config{ServerConfig: server}
}
