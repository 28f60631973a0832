package e2e

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startShop builds and starts the example of the metrics package and returns its URL.
func startShop(t *testing.T, otlp string) (shop *sluice, url string) {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "shop")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", bin, "../../metrics/example").CombinedOutput()
	require.NoError(t, err, string(out))
	address := "127.0.0.1:" + freePort(t)
	shop = started(t, exec.CommandContext(t.Context(), bin, "-listen", address, "-otlp", otlp, "-interval", "100ms"))
	return shop, "http://" + address
}

// An application's typed instruments arrive in Prometheus: by OTLP through Sluice, and scraped by Sluice from the
// application's own page, with the same names and values.
func TestTypedInstrumentsTravelToPrometheus(t *testing.T) {
	grpc, pull := freePort(t), freePort(t)
	shop, url := startShop(t, "127.0.0.1:"+grpc)
	launchConfig(t, fmt.Sprintf(`
receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:%s"}}}
  prometheus_scrape:
    config:
      global: {scrape_interval: 250ms, scrape_timeout: 250ms, scrape_protocols: [PrometheusProto]}
      scrape_configs: [{job_name: own, scrape_native_histograms: true, static_configs: [{targets: ["%s"]}]}]
exporters: {prometheus_pull: {endpoint: "127.0.0.1:%s", without_scope_info: true}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [otlp, prometheus_scrape], exporters: [prometheus_pull]}}
`, grpc, strings.TrimPrefix(url, "http://"), pull))
	p := startPrometheus(t, `
  - {job_name: sluice, honor_labels: true, scrape_native_histograms: true, scrape_protocols: [PrometheusProto], static_configs: [{targets: ["127.0.0.1:`+pull+`"]}]}`)

	answered(t, url+"/buy?item=tea&cents=350", http.StatusOK)
	answered(t, url+"/buy?item=tea&cents=150", http.StatusOK)
	answered(t, url+"/buy?item=car&cents=2000000", http.StatusBadRequest)
	for _, job := range []string{"shop", "own"} {
		p.eventually(`shop_orders_total{item="tea",outcome="sold",job="`+job+`"}`, 2)
		p.eventually(`shop_orders_total{item="car",outcome="refused",job="`+job+`"}`, 1)
		p.eventually(`shop_revenue_total{job="`+job+`"}`, 500)
		p.eventually(`shop_till{job="`+job+`"}`, 500)
		p.eventually(`histogram_count(shop_price{job="`+job+`"})`, 2)
		p.eventually(`histogram_sum(shop_price{job="`+job+`"})`, 500)
		p.eventually(`shop_duration_seconds_count{job="`+job+`"}`, 2)
		p.eventually(`shop_duration_seconds_bucket{job="`+job+`",le="+Inf"}`, 2)
		p.eventually(`shop_wait_seconds_count{job="`+job+`"}`, 2)
		p.eventually(`count(shop_wait_seconds{job="`+job+`"})`, 3)
	}
	// Both ways Prometheus has the same buckets.
	p.eventually(`histogram_quantile(0.9, shop_price{job="shop"}) == on() histogram_quantile(0.9, shop_price{job="own"})`, quantile(t, p))

	shop.stop()
	assert.Contains(t, shop.log.String(), "the shop is open")
}

// quantile is between the bounds of the bucket that 350 is in.
func quantile(t *testing.T, p *prom) float64 {
	t.Helper()
	vector, err := p.query(`histogram_quantile(0.9, shop_price{job="shop"})`)
	require.NoError(t, err)
	require.Len(t, vector, 1)
	assert.InEpsilon(t, 350, vector[0].F, 0.2)
	return vector[0].F
}
