package guardextension

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/extension/extensiontest"

	"github.com/sluice-metrics/sluice/extension/guardextension/internal/metadata"
	"github.com/sluice-metrics/sluice/internal/limiter"
)

func TestLoadConfig(t *testing.T) {
	all, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	load := func(id string) *Config {
		sub, err := all.Sub(id)
		require.NoError(t, err)
		cfg := createDefaultConfig().(*Config)
		require.NoError(t, sub.Unmarshal(cfg))
		require.NoError(t, cfg.Validate())
		g, err := NewFactory().Create(t.Context(), extensiontest.NewNopSettings(metadata.Type), cfg)
		require.NoError(t, err)
		require.NoError(t, g.Shutdown(t.Context()))
		require.NoError(t, g.Shutdown(t.Context()))
		return cfg
	}

	assert.Equal(t, createDefaultConfig(), load("guard"))
	assert.Equal(t, &MemoryConfig{LimitPercentage: 60, ResumePercentage: 90, CheckInterval: 10 * time.Millisecond}, load("guard/default_memory").Memory.Get())
	assert.Equal(t, &Config{
		Rate: RateConfig{
			Limits: LimitsConfig{RequestsPerSecond: 1000, RequestsBurst: 2000, BytesPerSecond: 10 << 20, BytesBurst: 50 << 20},
			PerKey: configoptional.Some(PerKeyConfig{
				By: byMetadata, Name: "X-Tenant", IPv6Prefix: 64, MaxKeys: 500,
				Limits: LimitsConfig{RequestsPerSecond: 100, BytesPerSecond: 1 << 20},
				Overrides: []OverrideConfig{
					{Key: "gold", Limits: LimitsConfig{RequestsPerSecond: 500, RequestsBurst: 1000}},
					{Key: "a::b", Limits: LimitsConfig{BytesPerSecond: 5}},
				},
			}),
		},
		InFlight:   InFlightConfig{Requests: 1000, Bytes: 256 << 20, ReceiveTimeout: 10 * time.Second},
		Memory:     configoptional.Some(MemoryConfig{LimitMiB: 400, LimitPercentage: 60, ResumePercentage: 80, CheckInterval: 50 * time.Millisecond}),
		RetryAfter: 2 * time.Second,
		Client: ClientConfig{
			Rate: LimitsConfig{RequestsPerSecond: 50},
			CircuitBreaker: CircuitBreakerConfig{
				Enabled: true, FailureThreshold: 3, FailureRate: 0.2, Window: time.Minute, MinRequests: 5,
				Timeout: time.Second, MaxTimeout: time.Minute, HalfOpenProbes: 2, Jitter: 0.5,
			},
		},
	}, load("guard/all"))
}

func TestDefaultBursts(t *testing.T) {
	low := LimitsConfig{RequestsPerSecond: 0.5, BytesPerSecond: 1000}
	assert.Equal(t, limiter.Limits{Requests: limiter.Rate{PerSecond: 0.5, Burst: 1}, Bytes: limiter.Rate{PerSecond: 1000, Burst: 20 << 20}}, low.limits())
	high := LimitsConfig{RequestsPerSecond: 99.5, BytesPerSecond: 1 << 30}
	assert.Equal(t, limiter.Limits{Requests: limiter.Rate{PerSecond: 99.5, Burst: 100}, Bytes: limiter.Rate{PerSecond: 1 << 30, Burst: 1 << 30}}, high.limits())
}

func TestAddressesThatAreNoneAreNotTheSame(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	unmarshal(t, `rate: {per_key: {by: client_address, overrides: [{key: a}, {key: b}]}}`, cfg)
	assert.NotContains(t, cfg.Validate().Error(), "already")
}

// badConfigs holds, by file, what the error must say.
var badConfigs = map[string][]string{
	"numbers": {
		`rate: requests_per_second: must be from 0 to 2^41, not -1`, `rate: bytes_per_second: must be from 0 to 2^41, not NaN`,
		`rate: bytes_burst: must not be negative, not -2`, `in_flight: requests: must not be negative`, `in_flight: bytes: must not be negative`,
		`in_flight: receive_timeout: must not be negative, not -1s`, `memory: limit_percentage: must be from 1 to 100, not 0`,
		`memory: resume_percentage: must be from 1 to 100, not 101`, `memory: check_interval: must be at least 1ms, not 1µs`,
		`retry_after: must be positive, not 0s`,
	},
	"burst":           {`rate: requests_burst: requests_per_second must be set too`, `rate: bytes_burst: bytes_per_second must be set too`},
	"by":              {`rate::per_key: by: must be metadata, client_address or auth, not "cookie"`},
	"name":            {`rate::per_key: name: must be set when by is metadata`},
	"name_of_address": {`rate::per_key: name: must not be set when by is client_address`, `ipv6_prefix: must be from 1 to 128, not 129`, `max_keys: must be at least 1, not 0`, `rate::per_key: requests_per_second or bytes_per_second must be set`},
	"overrides": {
		`rate::per_key: overrides[0]: key: must be set`, `overrides[1]: key: "localhost" is no IP address`,
		`overrides[3]: key: "2001:db8::2" is that of overrides[2] already`, `overrides[3]: requests_per_second: must be from 0`,
	},
	"breaker": {
		`client::rate: requests_per_second: must be`, `client::circuit_breaker: failure_threshold: must not be negative`, `failure_rate: must be from 0 to 1, not 2`,
		`window: must be positive`, `min_requests: must be at least 1`, `timeout: must be positive`, `max_timeout: must be at least timeout (0s), not -1s`,
		`half_open_probes: must be at least 1`, `jitter: must be from 0 to 1`,
	},
	"unknown_key": {`'rate' has invalid keys: points_per_second`},
}

func TestBadConfigs(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "bad_*.yaml"))
	require.NoError(t, err)
	assert.Len(t, files, len(badConfigs))
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "bad_"), ".yaml")
		t.Run(name, func(t *testing.T) {
			require.NotEmpty(t, badConfigs[name])
			conf, err := confmaptest.LoadConf(file)
			require.NoError(t, err)
			sub, err := conf.Sub("guard")
			require.NoError(t, err)
			cfg := createDefaultConfig().(*Config)
			if err = sub.Unmarshal(cfg); err == nil {
				err = cfg.Validate()
			}
			for _, want := range badConfigs[name] {
				require.ErrorContains(t, err, want)
			}
		})
	}
}
