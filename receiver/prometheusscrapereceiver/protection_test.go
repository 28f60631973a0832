package prometheusscrapereceiver

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/scrape"
	"github.com/sluice-metrics/sluice/receiver/prometheusscrapereceiver/internal/metadata"
	"github.com/sluice-metrics/sluice/receiver/prometheusscrapereceiver/internal/metadatatest"
)

const someJob = `config: {scrape_configs: [{job_name: j}]}`

func TestWithoutKeysThereIsNoProtection(t *testing.T) {
	cfg := parse(t, "{"+someJob+"}")
	require.NoError(t, confmap.Validate(cfg))
	assert.Equal(t, scrape.Protection{Jobs: map[string]scrape.JobProtection{}}, cfg.protection())
	assert.False(t, cfg.protects())
}

func TestProtectionDefaults(t *testing.T) {
	cfg := parse(t, "{"+someJob+", circuit_breaker: {enabled: true}, backpressure: {}, rate_limit: {requests_per_second: 2.5}}")
	require.NoError(t, confmap.Validate(cfg))
	p := cfg.protection()
	assert.Equal(t, &breaker.Config{Threshold: 5, Timeout: 30 * time.Second, MaxTimeout: 2 * time.Minute, Probes: 1, Jitter: 0.1}, p.Breaker)
	assert.Equal(t, &scrape.Backpressure{Strategy: scrape.Adaptive, BufferSize: 1_000_000, DropThreshold: 0.8, AlertThreshold: 0.9}, p.Backpressure)
	assert.Equal(t, scrape.Rate{PerSecond: 2.5, Burst: 3}, p.Rate, "a burst of a second")
	assert.True(t, cfg.protects())
}

func TestProtectionOfJobs(t *testing.T) {
	p := load(t, "config.yaml", "prometheus_scrape/all").protection()
	assert.Equal(t, map[string]scrape.JobProtection{"kubelet": {
		Rate: scrape.Rate{PerSecond: 10, Burst: 10}, TargetRate: scrape.Rate{PerSecond: 1, Burst: 3}, MaxConcurrency: 5, SampleBudget: 100_000,
	}}, p.Jobs)
	assert.Equal(t, scrape.Rate{PerSecond: 0.1, Burst: 1}, p.TargetRate)
	assert.Equal(t, 200, p.MaxConcurrency)
	assert.Equal(t, 8192, p.BatchSize)
}

// statusHost keeps what it is told.
type statusHost struct {
	component.Host
	events chan *componentstatus.Event
}

func (h *statusHost) Report(e *componentstatus.Event) { h.events <- e }

// blocking takes batches when it is released.
type blocking struct {
	*consumertest.MetricsSink
	entered, release chan struct{}
}

func (b blocking) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	select {
	case b.entered <- struct{}{}:
	default:
	}
	select {
	case <-b.release:
	case <-ctx.Done():
		return ctx.Err()
	}
	return b.MetricsSink.ConsumeMetrics(ctx, md)
}

// flaky is a target that fails for as long as it is told to.
func flaky(t *testing.T) (address string, fails *atomic.Bool) {
	t.Helper()
	fails = new(atomic.Bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if fails.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte("a 7\n"))
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), fails
}

func newTestReceiver(t *testing.T, set receiver.Settings, text string, sink *consumertest.MetricsSink) *scrapeReceiver {
	t.Helper()
	cfg := parse(t, text)
	require.NoError(t, confmap.Validate(cfg))
	r, err := newReceiver(set, cfg, sink)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Shutdown(context.Background())) })
	return r.(*scrapeReceiver)
}

func oneTarget(address string) string {
	return `config: {global: {scrape_interval: 50ms, scrape_timeout: 50ms}, scrape_configs: [{job_name: j, static_configs: [{targets: ["` +
		address + `"]}]}]}`
}

func TestTheStatusTellsOfOpenBreakers(t *testing.T) {
	address, fails := flaky(t)
	fails.Store(true)
	set := receivertest.NewNopSettings(metadata.Type)
	r := newTestReceiver(t, set, "{"+oneTarget(address)+
		", circuit_breaker: {enabled: true, failure_threshold: 2, timeout: 100ms, max_timeout: 200ms}}", new(consumertest.MetricsSink))
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	host := &statusHost{Host: componenttest.NewNopHost(), events: make(chan *componentstatus.Event, 100)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.reportStatus(ctx, host, time.Millisecond) }()
	defer func() { cancel(); <-done }()

	event := <-host.events
	assert.Equal(t, componentstatus.StatusRecoverableError, event.Status())
	require.EqualError(t, event.Err(), "the circuit breakers of 1 of 1 targets are open")
	fails.Store(false)
	for event.Status() != componentstatus.StatusOK {
		event = <-host.events
	}
}

func TestTheStatusIsAboutAShareOfTargets(t *testing.T) {
	jobs := func(closed, halfOpen, open int) map[string]scrape.JobCounts {
		return map[string]scrape.JobCounts{
			"one": {Targets: closed + open, Breakers: map[breaker.State]int{breaker.Closed: closed, breaker.Open: open}},
			"two": {Targets: halfOpen, Breakers: map[breaker.State]int{breaker.HalfOpen: halfOpen}},
		}
	}
	require.NoError(t, tooManyOpen(jobs(6, 0, 4), 0.5))
	require.NoError(t, tooManyOpen(jobs(0, 0, 0), 0.5))
	require.EqualError(t, tooManyOpen(jobs(5, 0, 5), 0.5), "the circuit breakers of 5 of 10 targets are open")
	require.EqualError(t, tooManyOpen(jobs(5, 5, 0), 0.5), "the circuit breakers of 5 of 10 targets are open", "no probe has succeeded yet")
}

func TestTheStatusTellsOfAFullBuffer(t *testing.T) {
	address, _ := flaky(t)
	sink := new(consumertest.MetricsSink)
	r := newTestReceiver(t, receivertest.NewNopSettings(metadata.Type), "{"+oneTarget(address)+", backpressure: {buffer_size: 5}}", sink)
	entered, release := make(chan struct{}, 100), make(chan struct{})
	r.next = blocking{sink, entered, release}
	free := sync.OnceFunc(func() { close(release) })
	defer free()
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	<-entered
	require.EqualError(t, r.trouble(), "120 % of `backpressure::buffer_size` are in use")
	free()
	require.Eventually(t, func() bool { return r.trouble() == nil }, 20*time.Second, time.Millisecond)
}

func TestSkipsAndBreakersAreCounted(t *testing.T) {
	address, fails := flaky(t)
	fails.Store(true)
	tel := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, tel.Shutdown(context.Background())) })
	sink := new(consumertest.MetricsSink)
	r := newTestReceiver(t, metadatatest.NewSettings(tel), "{"+oneTarget(address)+
		", circuit_breaker: {enabled: true, failure_threshold: 2, timeout: 1h, max_timeout: 1h}, max_concurrency: 3, backpressure: {}}", sink)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	job := func(more ...attribute.KeyValue) attribute.Set {
		return attribute.NewSet(append(more, attribute.String("receiver", r.set.ID.String()), attribute.String("job", "j"))...)
	}
	require.Eventually(t, func() bool { return r.manager.Counts()["j"].Breakers[breaker.Open] == 1 }, 20*time.Second, time.Millisecond)
	target := r.manager.State()["j"].Targets[0]
	require.Eventually(t, func() bool { return len(sink.AllMetrics()) > 5 }, 20*time.Second, time.Millisecond, "up is repeated")
	assert.NotNil(t, target.Breaker)

	skipped := job(attribute.String("reason", "circuit_breaker"))
	metadatatest.AssertEqualPrometheusScrapeSkipped(t, tel, []metricdata.DataPoint[int64]{{Attributes: skipped}},
		metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreValue())
	metadatatest.AssertEqualPrometheusScrapeBreakerTransitions(t, tel, []metricdata.DataPoint[int64]{
		{Attributes: job(attribute.String("breaker", "open")), Value: 1},
	}, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualPrometheusScrapeBreakerTargets(t, tel, []metricdata.DataPoint[int64]{
		{Attributes: job(attribute.String("breaker", "closed")), Value: 0},
		{Attributes: job(attribute.String("breaker", "half_open")), Value: 0},
		{Attributes: job(attribute.String("breaker", "open")), Value: 1},
	}, metricdatatest.IgnoreTimestamp())
	own := attribute.NewSet(attribute.String("receiver", r.set.ID.String()))
	metadatatest.AssertEqualPrometheusScrapeRunning(t, tel, []metricdata.DataPoint[int64]{{Attributes: own}}, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualPrometheusScrapeWaiting(t, tel, []metricdata.DataPoint[int64]{{Attributes: own}}, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualPrometheusScrapeBufferSamples(t, tel, []metricdata.DataPoint[int64]{{Attributes: own}}, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualPrometheusScrapeIntervalStretch(t, tel, []metricdata.DataPoint[float64]{{Attributes: own, Value: 1}},
		metricdatatest.IgnoreTimestamp())
}

func TestSkippedSamplesAreCounted(t *testing.T) {
	address, _ := flaky(t)
	tel := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, tel.Shutdown(context.Background())) })
	r := newTestReceiver(t, metadatatest.NewSettings(tel), "{"+oneTarget(address)+
		", target_rate_limit: {requests_per_second: 0.001}}", new(consumertest.MetricsSink))
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		m, err := tel.GetMetric("otelcol_prometheus_scrape_skipped_samples")
		if assert.NoError(c, err) {
			assert.GreaterOrEqual(c, m.Data.(metricdata.Sum[int64]).DataPoints[0].Value, int64(2))
		}
	}, 20*time.Second, 5*time.Millisecond)
}

func TestAJobThatDoesNotExistIsToldOf(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	set := receivertest.NewNopSettings(metadata.Type)
	set.Logger = zap.New(core)
	r := newTestReceiver(t, set, "{"+oneTarget("127.0.0.1:1")+", jobs: {j: {sample_budget: 5}, jj: {sample_budget: 5}}}", new(consumertest.MetricsSink))
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	told := logs.FilterMessage("limits of a job that does not exist have no effect").All()
	require.Len(t, told, 1)
	assert.Equal(t, "jobs::jj", told[0].ContextMap()["key"])
}
