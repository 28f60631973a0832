package observerextension

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.uber.org/zap/zapcore"

	"github.com/sluice-metrics/sluice/extension/observerextension/internal/metadata"
	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/dispatch"
	"github.com/sluice-metrics/sluice/internal/events"
)

func load(t *testing.T, file, id string) (*Config, error) {
	t.Helper()
	all, err := confmaptest.LoadConf(filepath.Join("testdata", file))
	require.NoError(t, err)
	sub, err := all.Sub(id)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	if err := sub.Unmarshal(cfg); err != nil {
		return nil, err
	}
	return cfg, confmap.Validate(cfg)
}

func TestLoadConfig(t *testing.T) {
	cfg, err := load(t, "config.yaml", "observer")
	require.NoError(t, err)
	assert.Equal(t, createDefaultConfig(), cfg)

	cfg, err = load(t, "config.yaml", "observer/all")
	require.NoError(t, err)
	assert.Equal(t, []any{500, WorkersConfig{Min: 2, Max: 8}, 3, 1000, time.Minute, 10 * time.Second},
		[]any{cfg.QueueSize, cfg.Workers, cfg.MaxObservers, cfg.MaxSeries, cfg.SeriesExpiration, cfg.DrainTimeout})
	o, err := NewFactory().Create(t.Context(), extensiontest.NewNopSettings(metadata.Type), cfg)
	require.NoError(t, err)
	require.NoError(t, o.Shutdown(t.Context()))
	require.NoError(t, o.Shutdown(t.Context()))

	queue, explosion, live, lines, defaults := &cfg.Hooks[0], &cfg.Hooks[1], &cfg.Hooks[2], &cfg.Hooks[3], &cfg.Hooks[4]
	set, err := queue.settings(cfg.QueueSize, extensiontest.NewNopSettings(metadata.Type).TelemetrySettings)
	require.NoError(t, err)
	assert.NotNil(t, set.Match)
	set.Match = nil
	assert.Equal(t, events.Settings{
		On: events.KindsOf(events.Threshold, Removed), Threshold: &events.Bound{Limit: 1000, Clear: 800, For: 30 * time.Second},
		Debounce: 10 * time.Second,
		Lane: dispatch.Settings[Event]{
			Name: "queue", Priority: PriorityCritical, Size: 500, Batch: 50, Interval: 2 * time.Second, Timeout: 3 * time.Second,
			OnOverflow: dispatch.Block, BlockTimeout: 100 * time.Millisecond,
			Retry:   dispatch.Retry{Initial: time.Second, Max: 10 * time.Second, Elapsed: time.Minute, Multiplier: 2},
			Breaker: &breaker.Config{Threshold: 2, Timeout: time.Second, MaxTimeout: 10 * time.Second, Probes: 1, Jitter: 0.1},
		},
	}, set)
	assert.Equal(t, "/edge", queue.Webhook.Get().Source)

	assert.Equal(t, events.KindsOf(events.Cardinality), explosion.kinds())
	assert.Equal(t, &events.Bound{Limit: 10_000, Clear: 10_000}, explosion.Cardinality.Get().bound())
	a := explosion.Alertmanager.Get()
	assert.Equal(t, []any{map[string]string{"team": "shop"}, map[string]string{"runbook": "http://wiki/explosion"}, 30 * time.Second, 10 * time.Minute, 5},
		[]any{a.Labels, a.Annotations, a.ResendInterval, a.ResolveAfter, a.MaxAlerts})
	assert.Equal(t, time.Second, explosion.debounce())

	s := live.Stream.Get()
	assert.Equal(t, []any{"localhost:0", "/live", 2, 10}, []any{s.ServerConfig.NetAddr.Endpoint, s.Path, s.MaxClients, s.ClientBuffer})
	assert.Equal(t, zapcore.WarnLevel, lines.Log.Get().Level)
	assert.Equal(t, zapcore.InfoLevel, defaults.Log.Get().Level)

	want := defaultHook() // of a hook that sets nothing but what it must
	assert.Equal(t, want.Retry, defaults.Retry)
	assert.Equal(t, want.CircuitBreaker, defaults.CircuitBreaker)
	assert.Equal(t, dispatch.Settings[Event]{
		Name: "defaults", Size: 500, Interval: time.Second, Timeout: 5 * time.Second, BlockTimeout: time.Second,
		Breaker: &breaker.Config{Threshold: 5, Timeout: 5 * time.Second, MaxTimeout: 2 * time.Minute, Probes: 1, Jitter: 0.1},
	}, defaults.lane(500))
	assert.Zero(t, defaults.debounce())
	assert.Equal(t, "localhost:9466", want.Stream.GetOrInsertDefault().ServerConfig.NetAddr.Endpoint)
}

// badConfigs holds, by file, what the error must say.
var badConfigs = map[string][]string{
	"numbers": {
		`queue_size: must be at least 1, not 0`, `workers: min: must be at least 1, not 0`, `workers: max: must be at least min (0), not -1`,
		`max_observers: must be from 0 to 10000, not -1`, `max_series: must be at least 1, not 0`,
		`series_expiration: must be at least 1s, not 1ms`, `drain_timeout: must not be negative, not -1s`,
	},
	"hook": {
		`hooks[0]: name: must be set`, `hooks[0]: on: must name at least one kind of event`, `hooks[0]: debounce: must not be negative, not -1s`,
		`hooks[0]: batch: flush_threshold: must not be negative, not -1`, `hooks[0]: batch: flush_interval: must be positive, not 0s`,
		`hooks[0]: timeout: must be positive, not 0s`, `hooks[0]: on_overflow: must be drop_oldest, drop_newest or block, not "wait"`,
		`hooks[0]: block_timeout: must be positive, not 0s`, `hooks[0]: on_error: must be log, drop or retry, not "panic"`,
		`hooks[0]: circuit_breaker: failure_threshold: must be at least 1, not 0`, `hooks[0]: circuit_breaker: timeout: must be positive, not 0s`,
		`hooks[0]: circuit_breaker: max_timeout: must be at least timeout (0s), not -1s`,
		`hooks[0]: exactly one of log, webhook, alertmanager and stream must be set, not 0`,
	},
	"names":    {`hooks[1] ("a"): name: is that of hooks[0] already`},
	"kind":     {`"born" is none of created, updated, removed, threshold, changed, reset, cardinality`},
	"priority": {`"urgent" is none of critical, high, normal, low`},
	"bounds": {
		`hooks[0] ("none"): threshold: must be set for on: [threshold]`, `hooks[0] ("none"): cardinality: must be set for on: [cardinality]`,
		`hooks[1] ("unused"): on: must name threshold, for there is one`, `hooks[1] ("unused"): on: must name cardinality, for there is one`,
		`hooks[2] ("two"): threshold: exactly one of above and below must be set`, `hooks[2] ("two"): threshold: for: must not be negative, not -1s`,
		`hooks[3] ("high"): threshold: clear: must be at most above (1), not 2`, `hooks[4] ("low"): threshold: clear: must be at least below (1), not 0`,
		`hooks[5] ("nan"): threshold: below: must be a number`,
	},
	"match": {
		`hooks[0] ("a"): match: name: error parsing regexp`, `condition: condition has invalid syntax: 1:15`,
		`hooks[1] ("b"): match: condition: must be about what a series is, for it is evaluated once per series: it reads`,
	},
	"actions": {
		`hooks[0] ("none"): exactly one of log, webhook, alertmanager and stream must be set, not 0`, `hooks[1] ("two"): exactly one of`,
		`hooks[2] ("webhook"): webhook: endpoint: must be a URL such as http://localhost:8080/events, not "localhost"`,
		`hooks[2] ("webhook"): webhook: source: must be a URI reference`, `hooks[3] ("alerts"): alertmanager: endpoint: must be a URL`,
		`alertmanager: labels: "a-b" is no label name`, `alertmanager: labels: d: must not be empty`,
		`alertmanager: annotations: "e-f" is no name of an annotation`, `alertmanager: resend_interval: must be at least 1s, not 0s`,
		`alertmanager: resolve_after: must be positive, not 0s`, `alertmanager: max_alerts: must be at least 1, not 0`,
		"hooks[4] (\"stream\"): stream: `endpoint` must be host:port", `stream: path: must begin with / and be no pattern, not "live"`,
		`stream: max_clients: must be at least 1, not 0`, `stream: client_buffer: must be at least 1, not 0`,
		`hooks[6] ("again"): stream: endpoint: is that of hooks[5] already`,
	},
	"unknown_key": {`lvl`},
}

func TestBadConfigs(t *testing.T) {
	files, err := filepath.Glob("testdata/bad_*.yaml")
	require.NoError(t, err)
	assert.Len(t, files, len(badConfigs))
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "bad_"), ".yaml")
		t.Run(name, func(t *testing.T) {
			_, err := load(t, filepath.Base(file), "observer")
			require.Error(t, err)
			for _, says := range badConfigs[name] {
				assert.ErrorContains(t, err, says)
			}
		})
	}
}
