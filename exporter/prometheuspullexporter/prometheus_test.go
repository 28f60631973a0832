package prometheuspullexporter

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	promscrape "github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/util/teststorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scrapes records what a scraper sends and gets.
type scrapes struct {
	mu       sync.Mutex
	requests []http.Header
	answers  []http.Header
}

func (s *scrapes) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		next.ServeHTTP(w, req)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests = append(s.requests, req.Header)
		s.answers = append(s.answers, w.Header().Clone())
	})
}

func (s *scrapes) first() (request, answer http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[0], s.answers[0]
}

// scrapeWithPrometheus lets Prometheus' own scrape loop at the exporter until it has the sample up 1, and returns the
// names of all samples.
func scrapeWithPrometheus(t *testing.T, url, settings string) []string {
	t.Helper()
	cfg, err := config.Load("global: {scrape_interval: 100ms, scrape_timeout: 100ms}\nscrape_configs:\n  - job_name: sluice\n"+settings, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	samples := teststorage.NewAppendable()
	manager, err := promscrape.NewManager(&promscrape.Options{DiscoveryReloadInterval: model.Duration(10 * time.Millisecond)}, nil, nil, nil, samples, prometheus.NewRegistry())
	require.NoError(t, err)
	require.NoError(t, manager.ApplyConfig(cfg))
	groups := make(chan map[string][]*targetgroup.Group, 1)
	groups <- map[string][]*targetgroup.Group{"sluice": {{Targets: []model.LabelSet{{"__address__": model.LabelValue(strings.TrimPrefix(url, "http://"))}}}}}
	ran := make(chan error, 1)
	go func() { ran <- manager.Run(groups) }()
	defer func() {
		manager.Stop()
		require.NoError(t, <-ran)
	}()
	var names []string
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		names = nil
		up := false
		for _, s := range samples.ResultSamples() {
			name := s.L.Get("__name__")
			names = append(names, name)
			up = up || name == "up" && s.V == 1
		}
		assert.True(c, up)
	}, 20*time.Second, 20*time.Millisecond)
	return names
}

func TestPrometheusScrapesEveryProtocol(t *testing.T) {
	for protocol, want := range map[config.ScrapeProtocol]string{
		config.PrometheusProto:      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores",
		config.PrometheusText0_0_4:  "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
		config.PrometheusText1_0_0:  "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
		config.OpenMetricsText0_0_1: "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=underscores",
		config.OpenMetricsText1_0_0: "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
	} {
		t.Run(string(protocol), func(t *testing.T) {
			e := newFixture(t, func(cfg *Config) { cfg.TranslationStrategy = otlptranslator.NoUTF8EscapingWithSuffixes })
			require.NoError(t, e.consume(t.Context(), gauge("shop.orders")))
			var seen scrapes
			server := httptest.NewServer(seen.record(e.handler()))
			defer server.Close()
			names := scrapeWithPrometheus(t, server.URL, fmt.Sprintf("    scrape_protocols: [%s]\n", protocol))
			request, answer := seen.first()
			assert.Equal(t, want, answer.Get("Content-Type"), request.Get("Accept"))
			assert.Equal(t, "gzip", answer.Get("Content-Encoding"))
			assert.Equal(t, "0.1", request.Get(timeoutHeader))
			if strings.HasSuffix(want, "allow-utf-8") {
				assert.Contains(t, names, "shop.orders")
			} else {
				assert.Contains(t, names, "shop_orders")
			}
		})
	}
}

func TestPrometheusDefaultsAndSelection(t *testing.T) {
	e := newFixture(t, nil)
	require.NoError(t, e.consume(t.Context(), gauge("orders")))
	require.NoError(t, e.consume(t.Context(), gauge("other")))
	var seen scrapes
	server := httptest.NewServer(seen.record(e.handler()))
	defer server.Close()
	names := scrapeWithPrometheus(t, server.URL, "    enable_compression: false\n    params: {'match[]': ['{__name__=~\"or.*\"}']}\n")
	_, answer := seen.first()
	assert.Equal(t, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8", answer.Get("Content-Type"))
	assert.Empty(t, answer.Get("Content-Encoding"))
	assert.Contains(t, names, "orders")
	assert.NotContains(t, names, "other")
}
