package scrape

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	promscrape "github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/util/teststorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requestOfPrometheus returns the headers with which Prometheus' own scrape loop asks for a page.
func requestOfPrometheus(t *testing.T, cfg *promconfig.Config) http.Header {
	t.Helper()
	requests := make(chan http.Header, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		select {
		case requests <- req.Header.Clone():
		default:
		}
	}))
	defer server.Close()
	manager, err := promscrape.NewManager(&promscrape.Options{DiscoveryReloadInterval: model.Duration(10 * time.Millisecond)},
		nil, nil, nil, teststorage.NewAppendable(), prometheus.NewRegistry())
	require.NoError(t, err)
	require.NoError(t, manager.ApplyConfig(cfg))
	groups := make(chan map[string][]*targetgroup.Group, 1)
	address := model.LabelValue(strings.TrimPrefix(server.URL, "http://"))
	groups <- map[string][]*targetgroup.Group{"x": {{Targets: []model.LabelSet{{"__address__": address}}}}}
	ran := make(chan error, 1)
	go func() { ran <- manager.Run(groups) }()
	defer func() {
		manager.Stop()
		require.NoError(t, <-ran)
	}()
	select {
	case h := <-requests:
		return h
	case <-time.After(20 * time.Second):
		require.Fail(t, "no scrape came")
		return nil
	}
}

func TestHeadersAreThoseOfPrometheus(t *testing.T) {
	for _, job := range []string{
		"", "scrape_protocols: [PrometheusProto, OpenMetricsText0.0.1]", "scrape_native_histograms: true", "enable_compression: false",
		"scrape_protocols: [PrometheusText1.0.0, PrometheusText0.0.4]", "metric_name_escaping_scheme: dots", "scrape_timeout: 90ms",
		"metric_name_validation_scheme: legacy",
	} {
		cfg, err := promconfig.Load("global: {scrape_interval: 100ms, scrape_timeout: 100ms}\nscrape_configs:\n  - job_name: x\n    "+job+"\n",
			slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		jobs, err := cfg.GetScrapeConfigs()
		require.NoError(t, err)
		ours, err := Headers(jobs[0], promscrape.UserAgent)
		require.NoError(t, err)
		assert.Equal(t, requestOfPrometheus(t, cfg), ours, job)
	}
}
