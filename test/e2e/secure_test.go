package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// certificate writes a self-signed certificate for 127.0.0.1 and its key, and returns the files.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "sluice e2e"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return writePEM(t, "CERTIFICATE", der), writePEM(t, "PRIVATE KEY", pkcs8)
}

func writePEM(t *testing.T, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return file
}

func TestScrapeOverTLSWithBasicAuth(t *testing.T) {
	cert, key := certificate(t)
	p := newPorts(t)
	s, _ := launchConfig(t, fmt.Sprintf(`
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:%s"}}}}
exporters:
  prometheus_pull:
    endpoint: 127.0.0.1:%s
    tls: {cert_file: %q, key_file: %q}
    auth: {authenticator: basicauth}
extensions:
  drain: {endpoint: "127.0.0.1:%s"}
  basicauth: {htpasswd: {inline: "prometheus:s3cret"}}
service:
  extensions: [drain, basicauth]
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [otlp], exporters: [prometheus_pull]}}
`, p.grpc, p.pull, cert, key, p.drain))
	p.ready(t)
	app := newApplication(t, "1", grpcExporter(t, "127.0.0.1:"+p.grpc))
	defer app.shutdown()
	app.work()
	app.flush()

	job := `
  - job_name: %s
    honor_labels: true
    scheme: https
    tls_config: {ca_file: %q}
    basic_auth: {username: prometheus, password: %s}
    static_configs: [{targets: ["127.0.0.1:%s"]}]
`
	prom := startPrometheus(t, fmt.Sprintf(job, "right", cert, "s3cret", p.pull)+fmt.Sprintf(job, "wrong", cert, "guess", p.pull))
	prom.eventually(`http_requests_total{http_route="/pay"}`, 2)
	prom.eventually(`up{job="right"}`, 1)
	prom.eventually(`up{job="wrong"}`, 0)
	s.stop()
}
