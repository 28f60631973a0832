package pushgatewayexporter

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	promscrape "github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/util/teststorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scrapeWithPrometheus lets Prometheus' own scrape loop at the gateway until it has the sample up 1, and returns the values
// of all samples.
func scrapeWithPrometheus(t *testing.T, url string) map[string]float64 {
	t.Helper()
	cfg, err := config.Load("global: {scrape_interval: 100ms, scrape_timeout: 100ms}\nscrape_configs:\n  - job_name: gateway\n    honor_labels: true\n", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	samples := teststorage.NewAppendable()
	manager, err := promscrape.NewManager(&promscrape.Options{DiscoveryReloadInterval: model.Duration(10 * time.Millisecond)}, nil, nil, nil, samples, prometheus.NewRegistry())
	require.NoError(t, err)
	require.NoError(t, manager.ApplyConfig(cfg))
	groups := make(chan map[string][]*targetgroup.Group, 1)
	groups <- map[string][]*targetgroup.Group{"gateway": {{Targets: []model.LabelSet{{"__address__": model.LabelValue(strings.TrimPrefix(url, "http://"))}}}}}
	ran := make(chan error, 1)
	go func() { ran <- manager.Run(groups) }()
	defer func() {
		manager.Stop()
		require.NoError(t, <-ran)
	}()
	values := map[string]float64{}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		up := false
		for _, s := range samples.ResultSamples() {
			values[s.L.String()] = s.V
			up = up || s.L.Get("__name__") == "up" && s.V == 1
		}
		assert.True(c, up)
	}, patience, 20*time.Millisecond)
	return values
}

func TestPrometheusScrapesWhatWasPushed(t *testing.T) {
	w := newWorld(t, nil)
	md := gauges(7, "orders")
	md.ResourceMetrics().At(0).Resource().Attributes().PutStr("host.name", "node-1")
	require.NoError(t, w.consume(t.Context(), md))
	w.eventually(t, `{__name__="orders", instance="1", job="shop/cart"}`, 7)
	values := scrapeWithPrometheus(t, w.server.URL)
	assert.InDelta(t, 7, values[`{__name__="orders", instance="1", job="shop/cart"}`], 0)
	assert.InDelta(t, 1, values[`{__name__="target_info", host_name="node-1", instance="1", job="shop/cart"}`], 0)
	assert.InDelta(t, 1, values[`{__name__="up", instance="`+strings.TrimPrefix(w.server.URL, "http://")+`", job="gateway"}`], 0)
}
