package targetallocator

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	promcommon "github.com/prometheus/common/config"
	promhttp "github.com/prometheus/prometheus/discovery/http"
	"go.opentelemetry.io/collector/config/confighttp"
)

// ConfigureSD gives the discovery of targets what the client that asks for jobs has: TLS, proxy and headers. What that
// client leaves open stays as http_sd_config has it. Prometheus' client cannot have all settings of the collector's:
// lost names those that are set and have no effect on the discovery.
func ConfigureSD(sd *promhttp.SDConfig, from *confighttp.ClientConfig) (lost []string, err error) {
	to := &sd.HTTPClientConfig
	lost = configureHeaders(to, from)
	return append(lost, lostSettings(to, from)...), errors.Join(configureTLS(to, from), configureProxy(to, from))
}

func configureTLS(to *promcommon.HTTPClientConfig, from *confighttp.ClientConfig) error {
	lowest, err := tlsVersion("min_version", from.TLS.MinVersion)
	highest, err2 := tlsVersion("max_version", from.TLS.MaxVersion)
	settings := promcommon.TLSConfig{
		CAFile: from.TLS.CAFile, CA: string(from.TLS.CAPem),
		CertFile: from.TLS.CertFile, Cert: string(from.TLS.CertPem),
		KeyFile: from.TLS.KeyFile, Key: promcommon.Secret(from.TLS.KeyPem),
		ServerName: from.TLS.ServerName, InsecureSkipVerify: from.TLS.InsecureSkipVerify,
		MinVersion: lowest, MaxVersion: highest,
	}
	if settings != (promcommon.TLSConfig{}) {
		to.TLSConfig = settings
	}
	return errors.Join(err, err2)
}

func tlsVersion(key, version string) (promcommon.TLSVersion, error) {
	if version == "" {
		return 0, nil
	}
	v, ok := promcommon.TLSVersions["TLS"+strings.ReplaceAll(version, ".", "")]
	if !ok {
		return 0, fmt.Errorf("`tls::%s`: unknown version %q", key, version)
	}
	return v, nil
}

func configureProxy(to *promcommon.HTTPClientConfig, from *confighttp.ClientConfig) error {
	if from.ProxyURL == "" {
		return nil
	}
	proxy, err := url.Parse(from.ProxyURL)
	if err != nil {
		return fmt.Errorf("`proxy_url`: %w", err)
	}
	to.ProxyConfig = promcommon.ProxyConfig{ProxyURL: promcommon.URL{URL: proxy}}
	return nil
}

// configureHeaders takes all headers but those that Prometheus keeps for itself. What http_sd_config says wins.
func configureHeaders(to *promcommon.HTTPClientConfig, from *confighttp.ClientConfig) (lost []string) {
	headers := map[string]promcommon.Header{}
	for name, value := range from.Headers.Iter {
		_, reserved := promcommon.ReservedHeaders[http.CanonicalHeaderKey(name)]
		switch {
		case !reserved:
			headers[name] = promcommon.Header{Secrets: []promcommon.Secret{promcommon.Secret(value)}}
		case http.CanonicalHeaderKey(name) != "Authorization" || !configureCredentials(to, string(value)):
			lost = append(lost, "headers::"+name)
		}
	}
	if to.HTTPHeaders != nil {
		maps.Copy(headers, to.HTTPHeaders.Headers)
	}
	if len(headers) > 0 {
		to.HTTPHeaders = &promcommon.Headers{Headers: headers}
	}
	return lost
}

// configureCredentials puts an Authorization header to where Prometheus has credentials.
func configureCredentials(to *promcommon.HTTPClientConfig, header string) bool {
	if authorized(to) {
		return true
	}
	scheme, credentials, ok := strings.Cut(strings.TrimSpace(header), " ")
	if !ok {
		return false
	}
	if !strings.EqualFold(scheme, "basic") {
		to.Authorization = &promcommon.Authorization{Type: scheme, Credentials: promcommon.Secret(credentials)}
		return true
	}
	plain, err := base64.StdEncoding.DecodeString(credentials)
	if err != nil {
		return false
	}
	user, password, _ := strings.Cut(string(plain), ":")
	to.BasicAuth = &promcommon.BasicAuth{Username: user, Password: promcommon.Secret(password)}
	return true
}

func authorized(c *promcommon.HTTPClientConfig) bool {
	return c.BasicAuth != nil || c.Authorization != nil || c.OAuth2 != nil || c.BearerToken != "" || c.BearerTokenFile != ""
}

func lostSettings(to *promcommon.HTTPClientConfig, from *confighttp.ClientConfig) (lost []string) {
	for _, setting := range []struct {
		key string
		set bool
	}{
		{"auth", from.Auth.HasValue() && !authorized(to)},
		{"cookies", from.Cookies.HasValue()},
		{"middlewares", len(from.Middlewares) > 0},
		{"tls::cipher_suites", len(from.TLS.CipherSuites) > 0},
		{"tls::curve_preferences", len(from.TLS.CurvePreferences) > 0},
		{"tls::include_system_ca_certs_pool", from.TLS.IncludeSystemCACertsPool},
		{"tls::tpm", from.TLS.TPMConfig.Enabled},
	} {
		if setting.set {
			lost = append(lost, setting.key)
		}
	}
	return lost
}
