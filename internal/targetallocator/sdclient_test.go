package targetallocator

import (
	"testing"

	promcommon "github.com/prometheus/common/config"
	promhttp "github.com/prometheus/prometheus/discovery/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configmiddleware"
	"go.opentelemetry.io/collector/config/configoptional"
)

func configure(t *testing.T, sd promhttp.SDConfig, change func(*confighttp.ClientConfig)) (promcommon.HTTPClientConfig, []string) {
	t.Helper()
	cfg := confighttp.NewDefaultClientConfig()
	change(&cfg)
	lost, err := ConfigureSD(&sd, &cfg)
	require.NoError(t, err)
	return sd.HTTPClientConfig, lost
}

func TestConfigureSD(t *testing.T) {
	got, lost := configure(t, promhttp.SDConfig{}, func(c *confighttp.ClientConfig) {
		c.TLS.CAFile, c.TLS.CertFile, c.TLS.KeyFile = "ca", "cert", "key"
		c.TLS.ServerName, c.TLS.InsecureSkipVerify, c.TLS.MinVersion, c.TLS.MaxVersion = "name", true, "1.2", "1.3"
		c.ProxyURL = "http://proxy:3128"
		c.Headers.Set("X-A", "1")
		c.Headers.Set("Authorization", "Basic dTpwOnE=")
	})
	assert.Empty(t, lost)
	assert.Equal(t, promcommon.TLSConfig{
		CAFile: "ca", CertFile: "cert", KeyFile: "key", ServerName: "name", InsecureSkipVerify: true,
		MinVersion: promcommon.TLSVersions["TLS12"], MaxVersion: promcommon.TLSVersions["TLS13"],
	}, got.TLSConfig)
	assert.Equal(t, "http://proxy:3128", got.ProxyURL.String())
	assert.Equal(t, map[string]promcommon.Header{"X-A": {Secrets: []promcommon.Secret{"1"}}}, got.HTTPHeaders.Headers)
	assert.Equal(t, &promcommon.BasicAuth{Username: "u", Password: "p:q"}, got.BasicAuth)
	require.NoError(t, got.Validate())
}

func TestConfigureSDTakesPEMAsItIs(t *testing.T) {
	got, _ := configure(t, promhttp.SDConfig{}, func(c *confighttp.ClientConfig) {
		c.TLS.CAPem, c.TLS.CertPem, c.TLS.KeyPem = "-ca-", "-cert-", "-key-"
	})
	assert.Equal(t, promcommon.TLSConfig{CA: "-ca-", Cert: "-cert-", Key: "-key-"}, got.TLSConfig)
}

func TestWhatTheClientLeavesOpenStays(t *testing.T) {
	own := promhttp.SDConfig{HTTPClientConfig: promcommon.HTTPClientConfig{
		TLSConfig:   promcommon.TLSConfig{CAFile: "own"},
		ProxyConfig: promcommon.ProxyConfig{ProxyFromEnvironment: true},
		BasicAuth:   &promcommon.BasicAuth{Username: "own"},
		HTTPHeaders: &promcommon.Headers{Headers: map[string]promcommon.Header{"X-A": {Values: []string{"own"}}}},
	}}
	got, lost := configure(t, own, func(c *confighttp.ClientConfig) {
		c.Headers.Set("X-A", "1")
		c.Headers.Set("X-B", "2")
		c.Headers.Set("Authorization", "Bearer x")
		c.Auth = configoptional.Some(configauth.Config{})
	})
	assert.Empty(t, lost, "http_sd_config has credentials of its own")
	assert.Equal(t, own.HTTPClientConfig.TLSConfig, got.TLSConfig)
	assert.True(t, got.ProxyFromEnvironment)
	assert.Equal(t, own.HTTPClientConfig.BasicAuth, got.BasicAuth)
	assert.Nil(t, got.Authorization)
	assert.Equal(t, []string{"own"}, got.HTTPHeaders.Headers["X-A"].Values)
	assert.Contains(t, got.HTTPHeaders.Headers, "X-B")
	assert.Len(t, own.HTTPClientConfig.HTTPHeaders.Headers, 1, "the template is as it was")
}

func TestSettingsWithoutEffectAreNamed(t *testing.T) {
	got, lost := configure(t, promhttp.SDConfig{}, func(c *confighttp.ClientConfig) {
		c.Headers.Set("Authorization", "token")
		c.Headers.Set("User-Agent", "x")
		c.Auth = configoptional.Some(configauth.Config{})
		c.Cookies = configoptional.Some(confighttp.CookiesConfig{})
		c.Middlewares = []configmiddleware.Config{{}}
		c.TLS.CipherSuites, c.TLS.CurvePreferences = []string{"a"}, []string{"b"}
		c.TLS.IncludeSystemCACertsPool, c.TLS.TPMConfig.Enabled = true, true
	})
	assert.Equal(t, []string{
		"headers::Authorization", "headers::User-Agent", "auth", "cookies", "middlewares", "tls::cipher_suites",
		"tls::curve_preferences", "tls::include_system_ca_certs_pool", "tls::tpm",
	}, lost)
	assert.Nil(t, got.HTTPHeaders)
	_, lost = configure(t, promhttp.SDConfig{}, func(c *confighttp.ClientConfig) { c.Headers.Set("Authorization", "Basic ?") })
	assert.Equal(t, []string{"headers::Authorization"}, lost)
}

func TestConfigureSDNamesTheKey(t *testing.T) {
	cfg := confighttp.NewDefaultClientConfig()
	cfg.TLS.MinVersion, cfg.TLS.MaxVersion, cfg.ProxyURL = "1.4", "x", "http://[::1"
	_, err := ConfigureSD(&promhttp.SDConfig{}, &cfg)
	require.ErrorContains(t, err, "`tls::min_version`: unknown version \"1.4\"")
	require.ErrorContains(t, err, "`tls::max_version`: unknown version \"x\"")
	require.ErrorContains(t, err, "`proxy_url`: ")
}
