package prometheusscrapereceiver

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/sluice-metrics/sluice/receiver/prometheusscrapereceiver/internal/metadata"
)

// serve is a target that shows a page.
func serve(t *testing.T, page string) (address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, page)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// start runs a receiver until the end of the test.
func start(t *testing.T, cfg *Config) *consumertest.MetricsSink {
	t.Helper()
	require.NoError(t, cfg.Validate())
	sink := new(consumertest.MetricsSink)
	r, err := newReceiver(receivertest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() {
		require.NoError(t, r.Shutdown(context.Background()))
		require.NoError(t, r.Shutdown(context.Background()))
	})
	return sink
}

// values are the last values of a gauge, by job and instance.
func values(sink *consumertest.MetricsSink, name string) map[string]float64 {
	found := map[string]float64{}
	for _, md := range sink.AllMetrics() {
		for _, rm := range md.ResourceMetrics().All() {
			attrs := rm.Resource().Attributes().AsRaw()
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					if m.Name() == name && m.Type() == pmetric.MetricTypeGauge {
						found[fmt.Sprint(attrs["service.name"], " ", attrs["service.instance.id"])] = m.Gauge().DataPoints().At(0).DoubleValue()
					}
				}
			}
		}
	}
	return found
}

func eventually(t *testing.T, sink *consumertest.MetricsSink, name string, want map[string]float64) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Equal(c, want, values(sink, name)) }, 20*time.Second, 20*time.Millisecond)
}

func TestItScrapes(t *testing.T) {
	address := serve(t, "a 7\n")
	cfg := parse(t, `{config: {global: {scrape_interval: 50ms, scrape_timeout: 50ms}, scrape_configs: [{job_name: j, static_configs: [{targets: ["`+
		address+`", "127.0.0.1:1"]}]}]}}`)
	sink := start(t, cfg)
	eventually(t, sink, "up", map[string]float64{"j " + address: 1, "j 127.0.0.1:1": 0})
	eventually(t, sink, "a", map[string]float64{"j " + address: 7})
	assert.True(t, sink.AllMetrics()[0].IsReadOnly())
}

func TestShutdownWithoutStart(t *testing.T) {
	r, err := newReceiver(receivertest.NewNopSettings(metadata.Type), createDefaultConfig().(*Config), consumertest.NewNop())
	require.NoError(t, err)
	require.NoError(t, r.Shutdown(t.Context()))
}

func jobs(names ...string) string {
	text := "global: {scrape_interval: 50ms, scrape_timeout: 50ms}\nscrape_configs:\n"
	for _, n := range names {
		text += "- {job_name: " + n + ", static_configs: [{targets: ['127.0.0.1:1']}]}\n" //nolint:perfsprint // short
	}
	return text
}

func TestAChangedFileIsReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prometheus.yml")
	require.NoError(t, os.WriteFile(file, []byte(jobs("one")), 0o600))
	cfg := createDefaultConfig().(*Config)
	cfg.ConfigFile, cfg.ConfigFilePollInterval = file, 20*time.Millisecond
	sink := start(t, cfg)
	eventually(t, sink, "up", map[string]float64{"one 127.0.0.1:1": 0})
	require.NoError(t, os.WriteFile(file, []byte("scrape_configs: 7\n"), 0o600))
	n := len(sink.AllMetrics())
	require.Eventually(t, func() bool { return len(sink.AllMetrics()) > n+5 }, 20*time.Second, 10*time.Millisecond, "it goes on with the old one")
	require.NoError(t, os.WriteFile(file, []byte(jobs("one", "two")), 0o600))
	eventually(t, sink, "up", map[string]float64{"one 127.0.0.1:1": 0, "two 127.0.0.1:1": 0})
}

// allocator speaks the protocol for one job, until it is told to fail.
func serveAllocator(t *testing.T, target string) (url string, fail *atomic.Bool) {
	t.Helper()
	fail = new(atomic.Bool)
	mux := http.NewServeMux()
	mux.HandleFunc("/scrape_configs", func(w http.ResponseWriter, _ *http.Request) {
		if fail.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "allocated: {job_name: allocated, scrape_interval: 50ms, scrape_timeout: 50ms}\nown: {job_name: own}\n")
	})
	mux.HandleFunc("/jobs/allocated/targets", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("collector_id") == "me" {
			_, _ = io.WriteString(w, `[{"targets": ["`+target+`"], "labels": {"zone": "a"}}]`)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, fail
}

func TestTheTargetAllocatorGivesJobs(t *testing.T) {
	address := serve(t, "a 7\n")
	url, fail := serveAllocator(t, address)
	sink := start(t, parse(t, `{target_allocator: {endpoint: "`+url+`", collector_id: me, interval: 50ms}, config: {`+
		`global: {scrape_interval: 50ms, scrape_timeout: 50ms}, scrape_configs: [{job_name: own, static_configs: [{targets: ["127.0.0.1:1"]}]}]}}`))
	want := map[string]float64{"allocated " + address: 1, "own 127.0.0.1:1": 0}
	eventually(t, sink, "up", want)
	fail.Store(true)
	sink.Reset()
	eventually(t, sink, "up", want)
}
