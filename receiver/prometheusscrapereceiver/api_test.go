package prometheusscrapereceiver

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	promapi "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/sluice-metrics/sluice/receiver/prometheusscrapereceiver/internal/metadata"
)

// apiFixture is a receiver with its API and what it scrapes.
type apiFixture struct {
	*scrapeReceiver
	url  string
	page *httptest.Server
	// closed is an address where nothing listens.
	closed string
}

func newAPIFixture(t *testing.T, jobs string) *apiFixture {
	t.Helper()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = io.WriteString(w, "a 1\n")
	}))
	t.Cleanup(page.Close)
	f := &apiFixture{page: page, closed: closedAddress(t)}
	cfg := apiConfigOf(t, strings.NewReplacer("PAGE", f.address(), "CLOSED", f.closed).Replace(jobs))
	f.scrapeReceiver = startAPIReceiver(t, cfg)
	f.url = "http://" + f.api.server.Addr().String()
	return f
}

func (f *apiFixture) address() string { return f.page.Listener.Addr().String() }

func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// apiConfigOf is a configuration whose jobs are in a file.
func apiConfigOf(t *testing.T, text string) *Config {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.ConfigFile = t.TempDir() + "/prometheus.yml"
	require.NoError(t, os.WriteFile(cfg.ConfigFile, []byte(text), 0o600))
	cfg.APIServer.Enabled = true
	cfg.APIServer.ServerConfig.NetAddr.Endpoint = "127.0.0.1:0"
	return cfg
}

func startAPIReceiver(t *testing.T, cfg *Config) *scrapeReceiver {
	t.Helper()
	require.NoError(t, cfg.Validate())
	set := receivertest.NewNopSettings(metadata.Type)
	r, err := NewFactory().CreateMetrics(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, r.Shutdown(context.WithoutCancel(t.Context()))) })
	return r.(*scrapeReceiver)
}

// client is Prometheus' own.
func (f *apiFixture) client(t *testing.T) promapi.API {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := api.NewClient(api.Config{Address: f.url, RoundTripper: transport})
	require.NoError(t, err)
	return promapi.NewAPI(c)
}

// rawAnswer is an answer as it is sent.
type rawAnswer struct {
	code              int
	contentType, body string
}

func (f *apiFixture) get(t *testing.T, method, path string) rawAnswer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.url+path, http.NoBody)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return rawAnswer{resp.StatusCode, resp.Header.Get("Content-Type"), string(body)}
}

const apiJobs = `
global: {scrape_interval: 50ms, scrape_timeout: 40ms, external_labels: {cluster: eu}}
scrape_configs:
  - job_name: good
    static_configs: [{targets: ["PAGE"], labels: {zone: "007"}}]
  - job_name: bad
    scrape_interval: 60ms
    params: {token: [s3cret]}
    metrics_path: /else
    basic_auth: {username: me, password: s3cret}
    http_headers: {X-Key: {secrets: [s3cret]}}
    static_configs: [{targets: ["CLOSED"], labels: {__param_other: s3cret}}]
  - job_name: dropped
    keep_dropped_targets: 1
    params: {token: [s3cret]}
    static_configs: [{targets: ["a:1", "b:1", "c:1"]}]
    relabel_configs: [{source_labels: [__address__], regex: "c:1", action: keep}, {target_label: x, replacement: y}]
  - job_name: never
    scrape_interval: 24h
    static_configs: [{targets: ["PAGE"]}]
`

// await asks until the first targets have been scraped.
func (f *apiFixture) await(t *testing.T, c promapi.API) promapi.TargetsResult {
	t.Helper()
	var got promapi.TargetsResult
	require.Eventually(t, func() bool {
		var err error
		got, err = c.Targets(t.Context())
		require.NoError(t, err)
		return len(got.Active) == 4 && got.Active[0].Health != promapi.HealthUnknown && got.Active[2].Health != promapi.HealthUnknown
	}, 10*time.Second, 10*time.Millisecond)
	return got
}

func TestAPITargets(t *testing.T) {
	f := newAPIFixture(t, apiJobs)
	got := f.await(t, f.client(t))
	bad, good, never := got.Active[0], got.Active[2], got.Active[3]

	assert.Equal(t, promapi.HealthGood, good.Health)
	assert.Equal(t, "good", good.ScrapePool)
	assert.Equal(t, f.page.URL+"/metrics", good.ScrapeURL)
	assert.Equal(t, model.LabelSet{"job": "good", "instance": model.LabelValue(f.address()), "zone": "007"}, good.Labels)
	assert.Equal(t, f.address(), good.DiscoveredLabels[model.AddressLabel])
	assert.Equal(t, "/metrics", good.DiscoveredLabels[model.MetricsPathLabel])
	assert.Empty(t, good.LastError)
	assert.WithinDuration(t, time.Now(), good.LastScrape, time.Minute)
	assert.Positive(t, good.LastScrapeDuration)
	assert.Equal(t, globalURL(good.ScrapeURL), good.GlobalURL)

	assert.Equal(t, promapi.HealthBad, bad.Health)
	assert.Contains(t, bad.LastError, "connection refused")
	assert.Equal(t, "http://"+f.closed+"/else?other=xxxxx&token=xxxxx", bad.ScrapeURL)

	assert.Equal(t, "never", never.ScrapePool)
	assert.Equal(t, promapi.HealthUnknown, never.Health)
	assert.True(t, never.LastScrape.IsZero())

	require.Len(t, got.Dropped, 1)
	assert.Equal(t, "a:1", got.Dropped[0].DiscoveredLabels[model.AddressLabel])
}

// What the client library leaves out is compared with the types of Prometheus' documentation.
func TestAPITargetsFields(t *testing.T) {
	f := newAPIFixture(t, apiJobs)
	f.await(t, f.client(t))
	for _, tc := range []struct {
		query                string
		active, dropped      []string
		droppedTargetCounts  string
		interval, poolOfDrop string
	}{
		{"", []string{"bad", "dropped", "good", "never"}, []string{"dropped"}, `{"bad":0,"dropped":2,"good":0,"never":0}`, "60ms", "dropped"},
		{"?state=ANY", []string{"bad", "dropped", "good", "never"}, []string{"dropped"}, `{"bad":0,"dropped":2,"good":0,"never":0}`, "60ms", "dropped"},
		{"?state=active", []string{"bad", "dropped", "good", "never"}, []string{}, `null`, "60ms", ""},
		{"?state=dropped", []string{}, []string{"dropped"}, `{"bad":0,"dropped":2,"good":0,"never":0}`, "", "dropped"},
		{"?state=nonsense", []string{}, []string{}, `null`, "", ""},
		{"?scrapePool=never", []string{"never"}, []string{}, `{"bad":0,"dropped":2,"good":0,"never":0}`, "1d", ""},
		{"?scrapePool=dropped&state=dropped", []string{}, []string{"dropped"}, `{"bad":0,"dropped":2,"good":0,"never":0}`, "", "dropped"},
		{"?scrapePool=other", []string{}, []string{}, `{"bad":0,"dropped":2,"good":0,"never":0}`, "", ""},
	} {
		t.Run(tc.query, func(t *testing.T) {
			body := f.get(t, http.MethodGet, "/api/v1/targets"+tc.query).body
			got := decodeTargets(t, body)
			assert.Equal(t, tc.active, poolsOf(got.Data.ActiveTargets))
			assert.Equal(t, tc.dropped, poolsOf(got.Data.DroppedTargets))
			assert.JSONEq(t, tc.droppedTargetCounts, string(got.Data.DroppedTargetCounts))
			if len(tc.active) > 0 {
				assert.Equal(t, tc.interval, got.Data.ActiveTargets[0]["scrapeInterval"])
				assert.Len(t, got.Data.ActiveTargets[0], 12, "those of Prometheus, and nextScrape")
			}
			assert.NotContains(t, body, "s3cret")
		})
	}
}

type targetsAnswer struct {
	Status string
	Data   struct {
		ActiveTargets, DroppedTargets []map[string]any
		DroppedTargetCounts           json.RawMessage
	}
}

func decodeTargets(t *testing.T, body string) targetsAnswer {
	t.Helper()
	var got targetsAnswer
	dec := json.NewDecoder(strings.NewReader(body))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&got))
	assert.Equal(t, "success", got.Status)
	require.NotNil(t, got.Data.ActiveTargets, "an empty list is a list")
	require.NotNil(t, got.Data.DroppedTargets, "an empty list is a list")
	return got
}

func poolsOf(targets []map[string]any) []string {
	pools := []string{}
	for _, target := range targets {
		pools = append(pools, target["scrapePool"].(string))
	}
	return pools
}

func TestAPIScrapePools(t *testing.T) {
	f := newAPIFixture(t, apiJobs)
	got := f.get(t, http.MethodGet, "/api/v1/scrape_pools")
	assert.Equal(t, "application/json", got.contentType)
	assert.JSONEq(t, `{"status": "success", "data": {"scrapePools": ["bad", "dropped", "good", "never"]}}`, got.body)
}

func TestAPIConfig(t *testing.T) {
	f := newAPIFixture(t, apiJobs)
	got, err := f.client(t).Config(t.Context())
	require.NoError(t, err)
	assert.NotContains(t, got.YAML, "s3cret")
	assert.Contains(t, got.YAML, "<secret>")
	cfg, err := promconfig.Load(got.YAML, nil)
	require.NoError(t, err, "what is shown is a configuration")
	assert.Equal(t, "eu", cfg.GlobalConfig.ExternalLabels.Get("cluster"))
	require.Len(t, cfg.ScrapeConfigs, 4)
	assert.Equal(t, model.Duration(50*time.Millisecond), cfg.ScrapeConfigs[0].ScrapeInterval)
	assert.Equal(t, url.Values{"token": {"xxxxx"}}, cfg.ScrapeConfigs[1].Params)
	assert.Equal(t, "y", cfg.ScrapeConfigs[2].RelabelConfigs[1].Replacement)
}

func TestAPIConfigOfAChangedFile(t *testing.T) {
	f := newAPIFixture(t, apiJobs)
	text := "scrape_configs: [{job_name: new, static_configs: [{targets: [PAGE]}]}]"
	require.NoError(t, os.WriteFile(f.cfg.ConfigFile, []byte(strings.ReplaceAll(text, "PAGE", f.address())), 0o600))
	f.reload(t.Context())
	body := f.get(t, http.MethodGet, "/api/v1/scrape_pools").body
	assert.JSONEq(t, `{"status": "success", "data": {"scrapePools": ["new"]}}`, body)
	body = f.get(t, http.MethodGet, "/api/v1/status/config").body
	assert.Contains(t, body, "job_name: new")
	assert.NotContains(t, body, "job_name: good")
}

func TestAPIShowsTheMetricsOfDiscovery(t *testing.T) {
	f := newAPIFixture(t, apiJobs)
	require.Eventually(t, func() bool {
		got := f.get(t, http.MethodGet, "/metrics")
		assert.Equal(t, http.StatusOK, got.code)
		return strings.Contains(got.body, "prometheus_sd_discovered_targets{")
	}, 10*time.Second, 10*time.Millisecond)
}

func TestAPIHasNothingElse(t *testing.T) {
	f := newAPIFixture(t, apiJobs)
	for _, path := range []string{"/", "/api/v1/query?query=up", "/api/v1/targets/metadata", "/api/v1/targets/"} {
		got := f.get(t, http.MethodGet, path)
		assert.Equal(t, http.StatusNotFound, got.code, path)
		assert.Equal(t, "application/json", got.contentType)
		assert.Contains(t, got.body, `"errorType":"not_found"`)
	}
	got := f.get(t, http.MethodPost, "/api/v1/targets")
	assert.Equal(t, http.StatusNotFound, got.code)
	_, _, err := f.client(t).Query(t.Context(), "up", time.Now())
	var failed *promapi.Error
	require.ErrorAs(t, err, &failed)
	assert.Contains(t, failed.Detail, "there is no POST /api/v1/query here")
}

func TestAPIAddressInUse(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	cfg := apiConfigOf(t, apiJobs)
	cfg.APIServer.ServerConfig.NetAddr.Endpoint = l.Addr().String()
	r, err := newReceiver(receivertest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	require.NoError(t, err)
	err = r.Start(t.Context(), componenttest.NewNopHost())
	require.ErrorContains(t, err, "`api_server::server_config`: endpoint \""+l.Addr().String())
}

func TestAPIIsOffByDefault(t *testing.T) {
	cfg := apiConfigOf(t, "scrape_configs: [{job_name: a}]")
	cfg.APIServer.Enabled = false
	assert.Nil(t, startAPIReceiver(t, cfg).api)
}

func TestAPIShutdownWaitsForNoClient(t *testing.T) {
	f := newAPIFixture(t, apiJobs)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", f.api.server.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "GET /api/v1/targets HTTP/1.1\r\n") // and never more
	require.NoError(t, err)
	begin := time.Now()
	require.NoError(t, f.Shutdown(t.Context()))
	assert.Less(t, time.Since(begin), 4*time.Second)
}

func TestGlobalURL(t *testing.T) {
	name, err := os.Hostname()
	require.NoError(t, err)
	for target, want := range map[string]string{
		"http://127.0.0.1:9100/m?a=x": "http://" + name + ":9100/m?a=x",
		"https://localhost/m":         "https://" + name + "/m",
		"http://[::1]:80/m":           "http://" + name + ":80/m",
		"http://db:9100/m":            "http://db:9100/m",
		"http://[fe80::2]:9100/m":     "http://[fe80::2]:9100/m",
		"process://own":               "process://own",
	} {
		assert.Equal(t, want, globalURL(target))
	}
}
