package httpserve

import (
	"fmt"
	"net"
	"strconv"

	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/confignet"
)

// ValidateEndpoint refuses an `endpoint` that cannot be listened on, so that `validate` and a reload find a typo
// before the old configuration is gone.
func ValidateEndpoint(cfg *confighttp.ServerConfig) error {
	switch cfg.NetAddr.Transport {
	case confignet.TransportTypeTCP, confignet.TransportTypeTCP4, confignet.TransportTypeTCP6:
	default:
		return nil
	}
	_, port, err := net.SplitHostPort(cfg.NetAddr.Endpoint)
	if err != nil {
		return fmt.Errorf("`endpoint` must be host:port, such as localhost:9464, not %q", cfg.NetAddr.Endpoint)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("`endpoint` must end with a port number, not %q", cfg.NetAddr.Endpoint)
	}
	return nil
}
