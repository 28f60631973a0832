package prometheusscrapereceiver

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/confignet"

	"github.com/sluice-metrics/sluice/internal/httpserve"
)

// APIServerConfig is the server of a part of Prometheus' HTTP API.
type APIServerConfig struct {
	// Enabled starts the server. Default: false.
	Enabled bool `mapstructure:"enabled"`

	// MaxConnections bounds the connections open at one time; 0 means no bound. Default: 512.
	MaxConnections int `mapstructure:"max_connections"`

	// ServerConfig is the HTTP server. Defaults that differ from confighttp's: endpoint "127.0.0.1:9090", read_timeout 10m.
	ServerConfig confighttp.ServerConfig `mapstructure:"server_config"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func defaultAPIServer() APIServerConfig {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Transport = confignet.TransportTypeTCP
	server.NetAddr.Endpoint = "127.0.0.1:9090"
	server.ReadTimeout = 10 * time.Minute
	return APIServerConfig{MaxConnections: 512, ServerConfig: server}
}

func (s *APIServerConfig) validate() error {
	return errors.Join(notNegative("api_server::max_connections", s.MaxConnections), s.validateEndpoint())
}

func (s *APIServerConfig) validateEndpoint() error {
	if !s.Enabled {
		return nil
	}
	if err := httpserve.ValidateEndpoint(&s.ServerConfig); err != nil {
		return fmt.Errorf("`api_server::server_config`: %w", err)
	}
	return nil
}
