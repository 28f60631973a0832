package e2e

import (
	"strings"
	"testing"
)

// contribReadme is the example in README.md of contrib's prometheusexporter v0.159.0, in a collector with core's OTLP
// receiver. Only the addresses and the paths of the certificates are other ones.
const contribReadme = `
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: "1.2.3.4:4317"

exporters:
  prometheus:
    endpoint: "1.2.3.4:1234"
    tls:
      ca_file: "/path/to/ca.pem"
      cert_file: "/path/to/cert.pem"
      key_file: "/path/to/key.pem"
    namespace: test-space
    const_labels:
      label1: value1
      "another label": spaced value
    send_timestamps: true
    metric_expiration: 180m
    enable_open_metrics: true
    # Legacy configuration - deprecated, ignored when translation_strategy is set
    add_metric_suffixes: false
    translation_strategy: "UnderscoreEscapingWithoutSuffixes"
    resource_to_telemetry_conversion:
      enabled: true

service:
  pipelines:
    metrics:
      receivers: [otlp]
      exporters: [prometheus]
  telemetry: {metrics: {level: none}}
`

func TestContribsConfigurationRunsUnchanged(t *testing.T) {
	cert, key := certificate(t)
	p := newPorts(t)
	s, _ := launchConfig(t, strings.NewReplacer(
		"1.2.3.4:4317", "127.0.0.1:"+p.grpc, "1.2.3.4:1234", "127.0.0.1:"+p.pull,
		"/path/to/ca.pem", cert, "/path/to/cert.pem", cert, "/path/to/key.pem", key,
	).Replace(contribReadme))
	s.logged("Everything is ready")
	app := newApplication(t, "1", grpcExporter(t, "127.0.0.1:"+p.grpc))
	defer app.shutdown()
	app.work()
	app.flush()
	prom := startPrometheus(t, `
  - job_name: contrib
    honor_labels: true
    scheme: https
    tls_config: {ca_file: "`+cert+`"}
    static_configs: [{targets: ["127.0.0.1:`+p.pull+`"]}]
`)
	const series = `{job="shop/checkout",instance="1",label1="value1",another_label="spaced value",cloud_region="eu-1",http_route="/pay"}`
	prom.eventually("test_space_http_requests"+series, 2)
	prom.eventually("test_space_queue_size"+series, 512.5)
	prom.eventually("test_space_http_duration_count"+series, 2)
	s.stop()
}
