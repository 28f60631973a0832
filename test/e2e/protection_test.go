package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/assert"
)

// protecting is a configuration that scrapes targets under keys of the receiver, with its API and self-metrics.
func protecting(t *testing.T, keys, exporter string, targets ...string) (yaml, api, own string) {
	t.Helper()
	api, own = freePort(t), freePort(t)
	return fmt.Sprintf(`
receivers:
  prometheus_scrape:
    %s
    api_server: {enabled: true, server_config: {endpoint: "127.0.0.1:%s"}}
    config:
      global: {scrape_interval: 200ms, scrape_timeout: 200ms}
      scrape_configs: [{job_name: shop, static_configs: [{targets: ["%s"]}]}]
exporters: {%s}
service:
  telemetry:
    metrics: {level: normal, readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %s}}}}]}
  pipelines: {metrics: {receivers: [prometheus_scrape], exporters: [%s]}}
`, keys, api, strings.Join(targets, `", "`), exporter, own, strings.SplitN(exporter, ":", 2)[0]), api, own
}

// realTarget is a program with Prometheus' own library. It counts requests, and answers 429 while it is overloaded.
func realTarget(t *testing.T) (address string, asked *atomic.Int64, overloaded *atomic.Bool) {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector())
	page := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	asked, overloaded = new(atomic.Int64), new(atomic.Bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if overloaded.Load() {
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		page.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), asked, overloaded
}

type targetState struct {
	Health  string `json:"health"`
	Skipped string `json:"scrapeSkipped"`
	Breaker struct {
		State string `json:"state"`
	} `json:"circuitBreaker"`
}

// stateOf is what the API tells of the one target.
func stateOf(t *testing.T, api string) (targetState, error) {
	t.Helper()
	page, err := fetch(t.Context(), "http://127.0.0.1:"+api+"/api/v1/targets", http.StatusOK)
	if err != nil {
		return targetState{}, err
	}
	var answer struct {
		Data struct {
			Active []targetState `json:"activeTargets"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(page), &answer); err != nil {
		return targetState{}, err
	}
	if len(answer.Data.Active) != 1 {
		return targetState{}, errors.New(page)
	}
	return answer.Data.Active[0], nil
}

// showsAll waits for a page to hold all of some texts.
func showsAll(t *testing.T, url string, texts ...string) {
	t.Helper()
	eventually(t, func() error {
		page, err := fetch(t.Context(), url, http.StatusOK)
		if err != nil {
			return err
		}
		for _, text := range texts {
			if !strings.Contains(page, text) {
				return fmt.Errorf("no %s in %s", text, page)
			}
		}
		return nil
	})
}

func TestOverloadedTargetIsLeftAlone(t *testing.T) {
	address, asked, overloaded := realTarget(t)
	pull := freePort(t)
	yaml, api, own := protecting(t, "circuit_breaker: {enabled: true, timeout: 1s}", `prometheus_pull: {without_scope_info: true, endpoint: "127.0.0.1:`+pull+`"}`, address)
	s, _ := launchConfig(t, yaml)
	page := "http://127.0.0.1:" + pull + "/metrics"
	showsAll(t, page, "go_goroutines{", `up{instance="`+address+`",job="shop"} 1`)
	overloaded.Store(true)
	showsAll(t, page, `up{instance="`+address+`",job="shop"} 0`)
	before := asked.Load()
	overloaded.Store(false)
	eventually(t, func() error {
		state, err := stateOf(t, api)
		if err == nil && (state.Health != "down" || state.Skipped != "circuit_breaker" || state.Breaker.State != "open") {
			err = fmt.Errorf("%+v", state)
		}
		return err
	})
	assert.Equal(t, before, asked.Load(), "it asked for 2 seconds")
	showsAll(t, "http://127.0.0.1:"+own+"/metrics",
		`otelcol_prometheus_scrape_skipped{`, `reason="circuit_breaker"`, `otelcol_prometheus_scrape_breaker_targets{`)
	assert.Contains(t, answered(t, page, http.StatusOK), `up{instance="`+address+`",job="shop"} 0`)
	assert.NotContains(t, answered(t, page, http.StatusOK), "go_goroutines{")
	s.logged("targets are not scraped when they have their turn")
	showsAll(t, page, "go_goroutines{", `up{instance="`+address+`",job="shop"} 1`)
	s.stop()
}

func TestTargetIsAskedWithinItsRate(t *testing.T) {
	address, asked, _ := realTarget(t)
	pull := freePort(t)
	yaml, _, own := protecting(t, "target_rate_limit: {requests_per_second: 1, burst: 1}", `prometheus_pull: {without_scope_info: true, endpoint: "127.0.0.1:`+pull+`"}`, address)
	s, _ := launchConfig(t, yaml)
	showsAll(t, "http://127.0.0.1:"+pull+"/metrics", `up{instance="`+address+`",job="shop"} 1`)
	begin, first := time.Now(), asked.Load()
	time.Sleep(4 * time.Second)
	more := float64(asked.Load() - first)
	assert.LessOrEqual(t, more, time.Since(begin).Seconds()+1.1)
	assert.Positive(t, more) // how many a slow machine manages is no promise
	assert.Contains(t, answered(t, "http://127.0.0.1:"+pull+"/metrics", http.StatusOK), "go_goroutines{", "nothing is stale")
	showsAll(t, "http://127.0.0.1:"+own+"/metrics", `reason="rate_limit"`)
	s.stop()
}

// TestPipelineThatRefusesIsSpared has Sluice send to a second one whose memory is over its limit: it refuses as a
// collector does.
func TestPipelineThatRefusesIsSpared(t *testing.T) {
	address, asked, _ := realTarget(t)
	grpc := freePort(t)
	_, _ = launchConfig(t, `
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:`+grpc+`"}}}}
processors: {memory_limiter: {check_interval: 10ms, limit_mib: 1}}
exporters: {nop: }
service:
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [otlp], processors: [memory_limiter], exporters: [nop]}}
`)
	eventually(t, func() error {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", "127.0.0.1:"+grpc)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	yaml, _, own := protecting(t, "backpressure: {strategy: adaptive}",
		`otlp_grpc: {endpoint: "127.0.0.1:`+grpc+`", tls: {insecure: true}, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}`, address)
	s, _ := launchConfig(t, yaml)
	showsAll(t, "http://127.0.0.1:"+own+"/metrics", `outcome="refused"`, `reason="backpressure"`)
	time.Sleep(15 * time.Second)
	begin, first := time.Now(), asked.Load()
	time.Sleep(5 * time.Second)
	assert.Less(t, float64(asked.Load()-first), 0.5*5*time.Since(begin).Seconds(), "stretched")
	assert.Positive(t, asked.Load()-first, "but not given up")
	s.stop()
}
