package e2e

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/internal/pushgatewaytest"
)

// pushing is a configuration that pushes to a gateway.
func pushing(p ports, gateway, more string) string {
	return p.config("", `  pushgateway: {endpoint: "`+gateway+`", push_interval: 100ms`+more+`}`, ", pushgateway")
}

// startGateway serves the real gateway's code.
func startGateway(t *testing.T) *httptest.Server {
	t.Helper()
	gateway := pushgatewaytest.New(pushgatewaytest.Options{})
	server := httptest.NewServer(gateway)
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, gateway.Close())
	})
	return server
}

const pushedPay = `{job="shop/checkout",instance="1",http_route="/pay"}`

// TestPushgateway sends by OTLP, and asks a Prometheus that scrapes the gateway.
func TestPushgateway(t *testing.T) {
	gateway, p := startGateway(t), newPorts(t)
	prom := startPrometheus(t, `
  - job_name: gateway
    honor_labels: true
    scrape_protocols: [PrometheusProto]
    static_configs: [{targets: ["`+strings.TrimPrefix(gateway.URL, "http://")+`"]}]
`)
	s, _ := launchConfig(t, pushing(p, gateway.URL, ""))
	p.ready(t)
	app := newApplication(t, "1", grpcExporter(t, "127.0.0.1:"+p.grpc))
	defer app.shutdown()
	app.work()
	app.flush()
	prom.eventually("http_requests_total"+pushedPay, 2)
	prom.eventually("queue_size_bytes"+pushedPay, 512.5)
	prom.eventually(`http_duration_seconds_bucket{job="shop/checkout",instance="1",le="0.1"}`, 1)
	prom.eventually("http_requests_total"+pushedPay+" * on (job, instance) group_left (cloud_region) target_info", 2)
	prom.eventually(`count(up{job="gateway"} == 1)`, 1)

	// The last values are pushed on the way out.
	app.work()
	app.flush()
	s.stop()
	prom.eventually("http_requests_total"+pushedPay, 4)

	// The next process replaces the group, whole.
	s, _ = launchConfig(t, pushing(p, gateway.URL, `, on_shutdown: delete`))
	p.ready(t)
	again := newApplication(t, "1", grpcExporter(t, "127.0.0.1:"+p.grpc))
	defer again.shutdown()
	again.queue.Record(t.Context(), 7)
	again.flush()
	prom.eventually(`queue_size_bytes{job="shop/checkout",instance="1"}`, 7)
	eventually(t, func() error { return gone(prom, "http_requests_total") })
	s.stop()
	eventually(t, func() error { return gone(prom, "queue_size_bytes") })
}

func gone(p *prom, q string) error {
	vector, err := p.query(q)
	if err == nil && len(vector) > 0 {
		err = errors.New(q + " is still there")
	}
	return err
}

// TestStopsInTimeWithoutItsPushgateway: nobody listens, and yet the process ends.
func TestStopsInTimeWithoutItsPushgateway(t *testing.T) {
	p := newPorts(t)
	s, _ := launchConfig(t, pushing(p, "http://127.0.0.1:"+freePort(t), ""))
	p.ready(t)
	app := newApplication(t, "1", grpcExporter(t, "127.0.0.1:"+p.grpc))
	defer app.shutdown()
	app.work()
	app.flush()
	s.logged("The gateway is not well")
	begin := time.Now()
	s.signal(syscall.SIGTERM)
	assert.Equal(t, 0, s.wait(patience))
	assert.Less(t, time.Since(begin), 20*time.Second)
	s.logged("The gateway does not have the last state of all groups")
}

// TestInstalledPushgateway pushes to the binary of the system, where there is one: a release of 2023.
func TestInstalledPushgateway(t *testing.T) {
	path, err := exec.LookPath("prometheus-pushgateway")
	if err != nil {
		t.Skip("no prometheus-pushgateway binary on this machine")
	}
	port, p := freePort(t), newPorts(t)
	gateway := exec.CommandContext(t.Context(), path, "--web.listen-address=127.0.0.1:"+port, "--web.route-prefix=/push")
	gateway.Dir = t.TempDir()
	require.NoError(t, gateway.Start())
	t.Cleanup(func() { _ = gateway.Wait() }) // killed with the test's context
	url := "http://127.0.0.1:" + port + "/push"
	answered(t, url+"/-/ready", http.StatusOK)
	s, _ := launchConfig(t, pushing(p, url, ""))
	p.ready(t)
	app := newApplication(t, "1", grpcExporter(t, "127.0.0.1:"+p.grpc))
	defer app.shutdown()
	app.work()
	app.flush()
	eventually(t, func() error {
		page, err := fetch(t.Context(), url+"/metrics", http.StatusOK)
		if err != nil {
			return err
		}
		return contains(page, `http_requests_total{http_route="/pay",instance="1",job="shop/checkout",otel_scope_name="shop/checkout",otel_scope_version="1.2.3"} 2`,
			`http_duration_seconds_bucket{http_route="/pay",instance="1",job="shop/checkout",otel_scope_name="shop/checkout",otel_scope_version="1.2.3",le="0.1"} 1`)
	})
	s.stop()
}
