package httpserve

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/confignet"
)

func TestValidateEndpoint(t *testing.T) {
	for endpoint, says := range map[string]string{
		"localhost:9464":  "",
		"[::1]:0":         "",
		":9464":           "",
		"":                "must be host:port",
		"9464":            "must be host:port",
		"::1:9464":        "must be host:port",
		"localhost:http":  "must end with a port number",
		"localhost:":      "must end with a port number",
		"localhost:70000": "must end with a port number",
	} {
		cfg := confighttp.NewDefaultServerConfig()
		cfg.NetAddr.Endpoint = endpoint
		err := ValidateEndpoint(&cfg)
		if says == "" {
			require.NoError(t, err, endpoint)
		} else {
			require.ErrorContains(t, err, says, endpoint)
		}
	}
	socket := confighttp.NewDefaultServerConfig()
	socket.NetAddr.Transport, socket.NetAddr.Endpoint = confignet.TransportTypeUnix, "/run/sluice.sock"
	require.NoError(t, ValidateEndpoint(&socket))
}
