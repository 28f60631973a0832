package observerextension

import (
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/zap/zapcore"

	"github.com/sluice-metrics/sluice/internal/events"
	"github.com/sluice-metrics/sluice/priority"
)

// Config is the YAML of the observer extension.
type Config struct {
	// Hooks are told of events. Default: none; Go code may subscribe.
	Hooks []HookConfig `mapstructure:"hooks"`

	// QueueSize is how many events may wait, for each hook and each observer in Go by itself. Default: 10000.
	QueueSize int `mapstructure:"queue_size"`

	// Workers deliver events.
	Workers WorkersConfig `mapstructure:"workers"`

	// MaxObservers bounds the observers in Go, besides the hooks. Default: 64.
	MaxObservers int `mapstructure:"max_observers"`

	// MaxSeries bounds the series in memory that some hook is for; four times as many scopes and metrics may be known, whether a
	// hook is for them or not. Further ones raise no events. Default: 250000.
	MaxSeries int `mapstructure:"max_series"`

	// SeriesExpiration is how long a series that does not come is remembered; then it is removed. Default: 5m.
	SeriesExpiration time.Duration `mapstructure:"series_expiration"`

	// DrainTimeout is how long events that wait are delivered at the end. Default: 5s.
	DrainTimeout time.Duration `mapstructure:"drain_timeout"`

	// prevent unkeyed literals
	_ struct{}
}

// WorkersConfig says how many workers deliver at the same time.
type WorkersConfig struct {
	// Min are kept. Default: 1.
	Min int `mapstructure:"min"`

	// Max are not exceeded, save that a delivery that takes longer than 10 ms frees its place: each hook has at most one.
	// Default: 4.
	Max int `mapstructure:"max"`

	// prevent unkeyed literals
	_ struct{}
}

// What becomes of an event for which there is no room, and of one whose delivery fails.
const (
	dropOldest = "drop_oldest"
	dropNewest = "drop_newest"
	block      = "block"

	onErrorLog   = "log"
	onErrorDrop  = "drop"
	onErrorRetry = "retry"
)

const defaultTimeout = 5 * time.Second

// HookConfig is one hook. Exactly one of its actions, Log to Stream, must be set.
type HookConfig struct {
	// Name names the hook in logs, self-metrics and what it sends. Required, and unique.
	Name string `mapstructure:"name"`

	// Priority is critical, high, normal or low. Default: normal.
	Priority priority.Priority `mapstructure:"priority"`

	// On are the kinds of events: created, updated, removed, threshold, changed, reset, cardinality. Required, unless threshold
	// or cardinality is set: these are its default then.
	On []events.Kind `mapstructure:"on"`

	// Match says which series the hook is for. Default: all.
	Match MatchConfig `mapstructure:"match"`

	// Threshold is the bound of the event of that name, for gauges and sums.
	Threshold configoptional.Optional[BoundConfig] `mapstructure:"threshold"`

	// Cardinality is the bound of the event of that name, for the number of the metric's series that match.
	Cardinality configoptional.Optional[BoundConfig] `mapstructure:"cardinality"`

	// Debounce is how long events of a series wait for later ones that replace them, after one was delivered; 0 means not at
	// all. Default: 1s for webhook and alertmanager, 0 for log and stream.
	Debounce configoptional.Optional[time.Duration] `mapstructure:"debounce"`

	// Batch says how many events are delivered at once.
	Batch BatchConfig `mapstructure:"batch"`

	// Timeout bounds one delivery. Default: 5s.
	Timeout time.Duration `mapstructure:"timeout"`

	// OnOverflow is drop_oldest, drop_newest, or block, which makes the pipeline wait for block_timeout. Default: drop_oldest.
	OnOverflow string `mapstructure:"on_overflow"`

	// BlockTimeout bounds how long block waits. A hook for which that was in vain is not waited for again until it has taken
	// something. Default: 1s.
	BlockTimeout time.Duration `mapstructure:"block_timeout"`

	// OnError is log (and drop), drop, or retry. Default: log.
	OnError string `mapstructure:"on_error"`

	// Retry says when on_error: retry tries again. Defaults: initial_interval 5s, multiplier 1.5, randomization_factor 0.5,
	// max_interval 30s, max_elapsed_time 5m.
	Retry configretry.BackOffConfig `mapstructure:"retry"`

	// CircuitBreaker leaves alone what fails: events wait meanwhile.
	CircuitBreaker BreakerConfig `mapstructure:"circuit_breaker"`

	// Log writes a line per event.
	Log configoptional.Optional[LogConfig] `mapstructure:"log"`

	// Webhook posts CloudEvents.
	Webhook configoptional.Optional[WebhookConfig] `mapstructure:"webhook"`

	// Alertmanager starts and resolves alerts.
	Alertmanager configoptional.Optional[AlertmanagerConfig] `mapstructure:"alertmanager"`

	// Stream serves events as they come.
	Stream configoptional.Optional[StreamConfig] `mapstructure:"stream"`

	// prevent unkeyed literals
	_ struct{}
}

// MatchConfig says which series a hook is for: those that meet all that is set.
type MatchConfig struct {
	// Name is a regular expression that the whole name of the metric must match. Default: any name.
	Name string `mapstructure:"name"`

	// Condition is an OTTL condition about what a series is: names, types, units and attributes, but no values. It is evaluated
	// once per series. Default: none.
	Condition string `mapstructure:"condition"`

	// prevent unkeyed literals
	_ struct{}
}

// BoundConfig is a bound with hysteresis. Exactly one of Above and Below must be set.
type BoundConfig struct {
	// Above is what the value must be greater than.
	Above configoptional.Optional[float64] `mapstructure:"above"`

	// Below is what it must be less than.
	Below configoptional.Optional[float64] `mapstructure:"below"`

	// Clear is where the value must be back, this value included. Default: above or below.
	Clear configoptional.Optional[float64] `mapstructure:"clear"`

	// For is how long the value must be beyond the bound, by the timestamps of points. Default: 0.
	For time.Duration `mapstructure:"for"`

	// prevent unkeyed literals
	_ struct{}
}

// BatchConfig says how many events are delivered at once.
type BatchConfig struct {
	// FlushThreshold is how many events are delivered at once; 0 means one by one. Default: 0.
	FlushThreshold int `mapstructure:"flush_threshold"`

	// FlushInterval is how long the first of them waits for others. Default: 1s.
	FlushInterval time.Duration `mapstructure:"flush_interval"`

	// prevent unkeyed literals
	_ struct{}
}

// BreakerConfig says when what fails is left alone.
type BreakerConfig struct {
	// Enabled turns the breaker on. Default: true.
	Enabled bool `mapstructure:"enabled"`

	// FailureThreshold is how many deliveries in a row must fail. Default: 5.
	FailureThreshold int `mapstructure:"failure_threshold"`

	// Timeout is how long it is left alone at first; each probe that fails doubles it. Default: 5s.
	Timeout time.Duration `mapstructure:"timeout"`

	// MaxTimeout bounds that. Default: 2m.
	MaxTimeout time.Duration `mapstructure:"max_timeout"`

	// prevent unkeyed literals
	_ struct{}
}

// LogConfig is the action log.
type LogConfig struct {
	// Level is debug, info, warn or error. Default: info.
	Level zapcore.Level `mapstructure:"level"`

	// prevent unkeyed literals
	_ struct{}
}

// WebhookConfig is the action webhook.
type WebhookConfig struct {
	// ClientConfig is the HTTP client. endpoint is required.
	ClientConfig confighttp.ClientConfig `mapstructure:",squash"`

	// Source is the source of the CloudEvents, a URI reference. Default: /sluice/observer/NAME, with the hook's name.
	Source string `mapstructure:"source"`

	// prevent unkeyed literals
	_ struct{}
}

// AlertmanagerConfig is the action alertmanager.
type AlertmanagerConfig struct {
	// ClientConfig is the HTTP client. endpoint is required: the URL of the Alertmanager without /api/v2.
	ClientConfig confighttp.ClientConfig `mapstructure:",squash"`

	// Labels are added to each alert, and win over those of the series. alertname is the hook's name unless it is set here.
	Labels map[string]string `mapstructure:"labels"`

	// Annotations are added to each alert. Default: summary and description, which say what has happened.
	Annotations map[string]string `mapstructure:"annotations"`

	// ResendInterval is how often an alert that goes on is sent again. It lapses after three of them without. Default: 1m.
	ResendInterval time.Duration `mapstructure:"resend_interval"`

	// ResolveAfter is how long an alert lasts of an event that has no end, such as created. Default: 5m.
	ResolveAfter time.Duration `mapstructure:"resolve_after"`

	// MaxAlerts bounds the alerts that are sent again; further ones lapse. Default: 1000.
	MaxAlerts int `mapstructure:"max_alerts"`

	// prevent unkeyed literals
	_ struct{}
}

// StreamConfig is the action stream.
type StreamConfig struct {
	// ServerConfig is the HTTP server. Default of endpoint: localhost:9466.
	ServerConfig confighttp.ServerConfig `mapstructure:",squash"`

	// Path is where events are served. Default: /events.
	Path string `mapstructure:"path"`

	// MaxClients bounds the clients at one time; further ones get status 503. Default: 16.
	MaxClients int `mapstructure:"max_clients"`

	// ClientBuffer is how many events wait for a client that is slow; further ones it misses. Default: 256.
	ClientBuffer int `mapstructure:"client_buffer"`

	// prevent unkeyed literals
	_ struct{}
}

func createDefaultConfig() component.Config {
	return &Config{
		QueueSize: 10_000, Workers: WorkersConfig{Min: 1, Max: 4}, MaxObservers: 64,
		MaxSeries: 250_000, SeriesExpiration: 5 * time.Minute, DrainTimeout: 5 * time.Second,
	}
}

func defaultHook() HookConfig {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Endpoint = "localhost:9466"
	return HookConfig{
		Batch: BatchConfig{FlushInterval: time.Second}, Timeout: defaultTimeout,
		OnOverflow: dropOldest, BlockTimeout: time.Second, OnError: onErrorLog, Retry: configretry.NewDefaultBackOffConfig(),
		CircuitBreaker: BreakerConfig{Enabled: true, FailureThreshold: 5, Timeout: 5 * time.Second, MaxTimeout: 2 * time.Minute},
		Log:            configoptional.Default(LogConfig{}),
		Webhook:        configoptional.Default(WebhookConfig{ClientConfig: confighttp.NewDefaultClientConfig()}),
		Alertmanager: configoptional.Default(AlertmanagerConfig{
			ClientConfig: confighttp.NewDefaultClientConfig(), ResendInterval: time.Minute, ResolveAfter: 5 * time.Minute, MaxAlerts: 1000,
		}),
		Stream: configoptional.Default(StreamConfig{ServerConfig: server, Path: "/events", MaxClients: 16, ClientBuffer: 256}),
	}
}

var _ confmap.Unmarshaler = (*HookConfig)(nil)

// Unmarshal gives each hook of the list its defaults.
func (c *HookConfig) Unmarshal(conf *confmap.Conf) error {
	*c = defaultHook()
	return conf.Unmarshal(c)
}
