package targetallocator

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	promcommon "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	promhttp "github.com/prometheus/prometheus/discovery/http"
	"github.com/prometheus/prometheus/model/relabel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// operatorJobs is what the operator's documentation shows, and a job of its tests.
const operatorJobs = `{
	"job1": {"follow_redirects": true, "honor_timestamps": true, "job_name": "job1", "metric_relabel_configs": [],
		"metrics_path": "/metrics", "scheme": "http", "scrape_interval": "1m", "scrape_timeout": "10s", "static_configs": []},
	"job2": {"follow_redirects": true, "honor_timestamps": true, "job_name": "job2", "metric_relabel_configs": [],
		"metrics_path": "/metrics", "relabel_configs": [], "scheme": "http", "scrape_interval": "1m",
		"scrape_timeout": "10s", "kubernetes_sd_configs": []},
	"serviceMonitor/testapp/testapp1/0": {"job_name": "serviceMonitor/testapp/testapp1/0", "honor_timestamps": true,
		"scrape_interval": "5m", "scrape_timeout": "10s", "metrics_path": "\/v2\/metrics", "scheme": "http",
		"follow_redirects": true, "relabel_configs": [
			{"source_labels": ["job"], "separator": ";", "regex": "(.*)", "target_label": "__tmp_prometheus_job_name",
				"replacement": "$$1", "action": "replace"},
			{"source_labels": ["__meta_x"], "target_label": "y", "action": "keepequal"}]}
}`

func names(jobs []*promconfig.ScrapeConfig) (names []string) {
	for _, job := range jobs {
		names = append(names, job.JobName)
	}
	return names
}

func discoveryOf(t *testing.T, job *promconfig.ScrapeConfig) *promhttp.SDConfig {
	t.Helper()
	require.Len(t, job.ServiceDiscoveryConfigs, 1)
	sd, ok := job.ServiceDiscoveryConfigs[0].(*promhttp.SDConfig)
	require.True(t, ok)
	return sd
}

func TestJobsOfTheOperator(t *testing.T) {
	srv := (&allocator{configs: operatorJobs}).start(t)
	jobs, changed, err := client(srv).Jobs(t.Context())
	require.NoError(t, err)
	assert.True(t, changed)
	require.Equal(t, []string{"job1", "job2", "serviceMonitor/testapp/testapp1/0"}, names(jobs))
	job, sd := jobs[2], discoveryOf(t, jobs[2])
	assert.Equal(t, srv.URL+"/jobs/serviceMonitor%2Ftestapp%2Ftestapp1%2F0/targets?collector_id=collector-1", sd.URL)
	assert.Equal(t, model.Duration(30*time.Second), sd.RefreshInterval)
	assert.Equal(t, "/v2/metrics", job.MetricsPath)
	assert.Equal(t, model.Duration(5*time.Minute), job.ScrapeInterval)
	assert.Equal(t, "$$1", job.RelabelConfigs[0].Replacement)
	assert.Equal(t, relabel.KeepEqual, job.RelabelConfigs[1].Action)
	assert.Equal(t, promconfig.PrometheusText0_0_4, job.ScrapeFallbackProtocol)
	assert.Equal(t, promconfig.DefaultScrapeProtocols, job.ScrapeProtocols, "what a job does not say is that of global")
}

func TestJobsInYAML(t *testing.T) {
	srv := (&allocator{configs: `
defaults: &defaults {job_name: defaults, scrape_interval: 7s, scrape_timeout: 7s, params: {number: [007]}}
b: {<<: *defaults, job_name: b, fallback_scrape_protocol: OpenMetricsText1.0.0}
a: *defaults
`}).start(t)
	jobs, _, err := client(srv).Jobs(t.Context())
	require.ErrorContains(t, err, "job \"defaults\": `job_name` \"defaults\" is that of job \"a\" too")
	require.Equal(t, []string{"defaults", "b"}, names(jobs))
	assert.Equal(t, []string{"007"}, jobs[0].Params["number"])
	assert.Equal(t, model.Duration(7*time.Second), jobs[1].ScrapeInterval)
	assert.Equal(t, promconfig.OpenMetricsText1_0_0, jobs[1].ScrapeFallbackProtocol)
}

func TestOptionsReachEachJob(t *testing.T) {
	a := &allocator{configs: `{"a b+c/d": {"job_name": "a b+c/d", "relabel_configs": [
		{"source_labels": ["__tmp_hash"], "regex": "$(SHARD)", "action": "keep"},
		{"source_labels": ["a"], "target_label": "b", "modulus": 9007199254740993, "action": "hashmod"}]}}`}
	srv := a.start(t)
	global := promconfig.DefaultGlobalConfig
	global.ScrapeInterval, global.SampleLimit = model.Duration(8*time.Second), 5
	jobs, _, err := client(srv, func(o *Options) {
		o.Endpoint, o.CollectorID, o.Global, o.Shard = srv.URL+"/", "a&b", global, "3"
		o.SD = promhttp.SDConfig{RefreshInterval: model.Duration(time.Second), HTTPClientConfig: promcommon.DefaultHTTPClientConfig}
		o.Scrape = &promcommon.HTTPClientConfig{BearerToken: "t"}
	}).Jobs(t.Context())
	require.NoError(t, err)
	require.Len(t, jobs, 1)
	assert.Equal(t, "/scrape_configs", a.requests()[0].URL.Path)
	assert.Contains(t, a.requests()[0].Header.Get("Accept"), "json", "browsers get HTML")
	sd := discoveryOf(t, jobs[0])
	assert.Equal(t, srv.URL+"/jobs/a%20b%2Bc%2Fd/targets?collector_id=a%26b", sd.URL)
	assert.Equal(t, model.Duration(time.Second), sd.RefreshInterval)
	assert.False(t, sd.HTTPClientConfig.FollowRedirects)
	assert.True(t, sd.HTTPClientConfig.EnableHTTP2)
	assert.Equal(t, promcommon.Secret("t"), jobs[0].HTTPClientConfig.BearerToken)
	assert.Equal(t, "3", jobs[0].RelabelConfigs[0].Regex.String())
	assert.Equal(t, uint64(9007199254740993), jobs[0].RelabelConfigs[1].Modulus)
	assert.Equal(t, model.Duration(8*time.Second), jobs[0].ScrapeInterval)
	assert.EqualValues(t, 5, jobs[0].SampleLimit)
}

func TestShardOfTheEnvironment(t *testing.T) {
	t.Setenv("SHARD", "")
	assert.Equal(t, "0", New(Options{}).opts.Shard)
	t.Setenv("SHARD", "4")
	assert.Equal(t, "4", New(Options{}).opts.Shard)
}

func TestChanges(t *testing.T) {
	a := &allocator{configs: `{"a": {"job_name": "a"}, "b": {"job_name": "b"}}`}
	c := client(a.start(t))
	first, changed, err := c.Jobs(t.Context())
	require.NoError(t, err)
	assert.True(t, changed)

	again, changed, err := c.Jobs(t.Context())
	require.NoError(t, err)
	assert.False(t, changed)
	assert.Equal(t, first, again)

	a.set(`{"b": {"scheme": "https", "job_name": "b"}, "a": {"job_name": "a"}, "c": {"job_name": "c"}}`)
	next, changed, err := c.Jobs(t.Context())
	require.NoError(t, err)
	assert.True(t, changed)
	require.Equal(t, []string{"a", "b", "c"}, names(next))
	assert.Same(t, first[0], next[0], "a is as it was")
	assert.Equal(t, "http", first[1].Scheme)
	assert.Equal(t, "https", next[1].Scheme)

	for _, text := range []string{`{}`, "null\n"} {
		a.set(text)
		none, changed, err := c.Jobs(t.Context())
		require.NoError(t, err)
		assert.True(t, changed)
		assert.NotNil(t, none)
		assert.Empty(t, none)
	}
}

func TestABadJobIsNamedAndLosesNoOther(t *testing.T) {
	a := &allocator{configs: `{"a": {"job_name": "a", "scheme": "https"}, "b": {"job_name": "b"}}`}
	c := client(a.start(t))
	_, _, err := c.Jobs(t.Context())
	require.NoError(t, err)
	a.set(`
a: {job_name: a, scrape_interval: often}
b: {job_name: b, scheme: https, key_of_a_later_version: 1, later_sd_configs: [{}]}
c: {job_name: c, scrape_interval: 1s, scrape_timeout: 2s}
d: null
e: [1]
f: {metrics_path: /}
g: {job_name: g, relabel_configs: [null]}
h: {job_name: h, bearer_token: x, bearer_token_file: y}
i: {job_name: [], honor_labels: 3, ec2_sd_configs: 7}
`)
	for _, first := range []bool{true, false} {
		jobs, changed, err := c.Jobs(t.Context())
		assert.Equal(t, first, changed)
		for _, want := range []string{
			`job "a": not a valid duration string: "often"`,
			`job "c": scrape timeout greater than scrape interval`,
			`job "d": the section is empty`,
			`job "e": line 6: cannot unmarshal !!seq`,
			`job "g": a relabelling rule is empty`,
			`job "h": at most one of bearer_token`,
			`job "i": line 10: cannot unmarshal !!seq into string; line 10: cannot unmarshal`,
			"job \"f\": `job_name` is empty",
		} {
			require.ErrorContains(t, err, want)
		}
		require.NotContains(t, err.Error(), `job "b"`)
		require.Equal(t, []string{"a", "b"}, names(jobs))
		assert.Equal(t, "https", jobs[0].Scheme, "a stays as it was")
		assert.Equal(t, "https", jobs[1].Scheme, "b is new")
	}
	a.set(`{"b": {"job_name": "b"}}`)
	jobs, changed, err := c.Jobs(t.Context())
	require.NoError(t, err)
	assert.True(t, changed)
	assert.Equal(t, []string{"b"}, names(jobs))
}

func TestSecretsThatAreHidden(t *testing.T) {
	srv := (&allocator{configs: `{"a": {"job_name": "a", "basic_auth": {"username": "u", "password": "\u003csecret\u003e"}},
		"b": {"job_name": "b", "oauth2": {"client_id": "x", "token_url": "http://h", "scopes": ["<secrets>"]}}}`}).start(t)
	jobs, _, err := client(srv).Jobs(t.Context())
	require.ErrorContains(t, err, "job \"a\": a secret is hidden")
	require.NotContains(t, err.Error(), `job "b"`)
	assert.Equal(t, []string{"a", "b"}, names(jobs))
	_, _, err = client(srv, func(o *Options) { o.Scrape = &promcommon.HTTPClientConfig{} }).Jobs(t.Context())
	require.NoError(t, err, "the job's own settings are not used")
}

// After each failure the client is as before it.
func TestAnswersThatAreNone(t *testing.T) {
	srv := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"no server here": {srv(404, "404 page not found\n"), `server returned HTTP status 404 Not Found: "404 page not found"`},
		"unavailable":    {srv(503, ""), "server returned HTTP status 503 Service Unavailable"},
		"not ready":      {srv(200, ""), "the answer is empty: the allocator is not ready yet"},
		"comment":        {srv(200, "# nothing"), "the answer is empty"},
		"list":           {srv(200, "[]"), "a map of jobs was expected: line 1: cannot unmarshal"},
		"text":           {srv(200, "<html></html>"), "a map of jobs was expected: line 1: cannot unmarshal"},
		"broken":         {srv(200, "a: {job_name: a\nb: }"), "yaml: "},
		"huge":           {srv(200, strings.Repeat("a", 4097)), "the answer is larger than 4096 bytes"},
		"endless reason": {srv(500, strings.Repeat("a", 1<<20)), strings.Repeat("a", maxReason) + `"`},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write([]byte("{}"))
		}, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			var handler atomic.Pointer[http.HandlerFunc]
			ok := srv(200, `{"a": {"job_name": "a"}}`)
			handler.Store(&ok)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*handler.Load())(w, r) }))
			defer server.Close()
			c := client(server, func(o *Options) { o.MaxBytes = 4096 })
			_, _, err := c.Jobs(t.Context())
			require.NoError(t, err)

			handler.Store(&tc.handler)
			jobs, changed, err := c.Jobs(t.Context())
			require.ErrorContains(t, err, tc.want)
			require.ErrorContains(t, err, server.URL+"/scrape_configs")
			assert.Nil(t, jobs)
			assert.False(t, changed)

			handler.Store(&ok)
			jobs, changed, err = c.Jobs(t.Context())
			require.NoError(t, err)
			assert.False(t, changed, "what is known is not forgotten")
			assert.Len(t, jobs, 1)
		})
	}
}

func TestAServerThatIsNotThereOrHangs(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	_, _, err := client(srv).Jobs(t.Context())
	require.ErrorContains(t, err, "connection refused")
	require.ErrorContains(t, err, srv.URL+"/scrape_configs")

	srv = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer srv.Close()
	_, _, err = client(srv, func(o *Options) { o.Timeout = time.Millisecond }).Jobs(t.Context())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client(srv).Assigned(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)

	_, _, err = New(Options{Endpoint: "allocator:80"}).Jobs(t.Context())
	require.ErrorContains(t, err, "allocator:80")
}

func TestErrorsKeepPasswords(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	c := client(srv, func(o *Options) { o.Endpoint = strings.Replace(srv.URL, "://", "://user:pass@", 1) })
	_, _, err := c.Jobs(t.Context())
	require.ErrorContains(t, err, "404")
	require.NotContains(t, err.Error(), "pass@")
}
