package prometheusscrapereceiver

import (
	"net"
	"net/url"
	"os"
	"slices"
)

// globalURL is how a target may be reached from elsewhere: where it is on this host, by the host's name. Source:
// getGlobalURL in web/api/v1 of prometheus/prometheus.
func globalURL(target string) string {
	u, err := url.Parse(target)
	if err != nil || !slices.Contains([]string{"127.0.0.1", "localhost", "::1"}, u.Hostname()) {
		return target
	}
	name, err := os.Hostname()
	if err != nil {
		return target
	}
	if port := u.Port(); port != "" {
		name = net.JoinHostPort(name, port)
	}
	u.Host = name
	return u.String()
}
