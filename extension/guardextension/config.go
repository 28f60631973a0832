package guardextension

import (
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
)

// Config is the YAML of the guard extension. Nothing is limited before a key says so, save that requests must arrive within
// in_flight::receive_timeout.
type Config struct {
	// Rate bounds what servers take in a second.
	Rate RateConfig `mapstructure:"rate"`

	// InFlight bounds what servers hold at once.
	InFlight InFlightConfig `mapstructure:"in_flight"`

	// Memory refuses requests while the process uses much memory. Default: none; {} turns it on with all defaults.
	Memory configoptional.Optional[MemoryConfig] `mapstructure:"memory"`

	// RetryAfter is what clients are told to wait that in_flight or memory refuse, up to half as much longer at random so
	// that they do not come back at once. Over HTTP it is rounded up to whole seconds. Default: 1s.
	RetryAfter time.Duration `mapstructure:"retry_after"`

	// Client is for exporters.
	Client ClientConfig `mapstructure:"client"`

	// prevent unkeyed literals
	_ struct{}
}

// LimitsConfig is a pair of token buckets.
type LimitsConfig struct {
	// RequestsPerSecond is how many requests are taken in a second in the long run. Default: 0, no limit.
	RequestsPerSecond float64 `mapstructure:"requests_per_second"`

	// RequestsBurst is how many are taken at once after a pause. Default: 0, a second's worth.
	RequestsBurst int `mapstructure:"requests_burst"`

	// BytesPerSecond is how many bytes of requests, uncompressed, are taken in a second in the long run. Default: 0, no
	// limit.
	BytesPerSecond float64 `mapstructure:"bytes_per_second"`

	// BytesBurst is how many bytes are taken at once after a pause. It is the largest request that is taken, too. Default: 0,
	// a second's worth, but at least 20 MiB, the largest request that the OTLP receiver takes over HTTP.
	BytesBurst int `mapstructure:"bytes_burst"`

	// prevent unkeyed literals
	_ struct{}
}

// RateConfig bounds all clients together, and each of them.
type RateConfig struct {
	// Limits are those of all clients together.
	Limits LimitsConfig `mapstructure:",squash"`

	// PerKey bounds each client by itself. Default: none.
	PerKey configoptional.Optional[PerKeyConfig] `mapstructure:"per_key"`

	// prevent unkeyed literals
	_ struct{}
}

// What a client is told by.
const (
	byMetadata      = "metadata"
	byClientAddress = "client_address"
	byAuth          = "auth"
)

// PerKeyConfig gives each key buckets of its own.
type PerKeyConfig struct {
	// By is what tells clients apart: metadata (a header), client_address, or auth (an attribute of who is logged in; over
	// gRPC that is known only once the request is decoded). Required.
	By string `mapstructure:"by"`

	// Name is that of the header or of the attribute.
	Name string `mapstructure:"name"`

	// IPv6Prefix is how many bits of an IPv6 address make one client. Default: 64.
	IPv6Prefix int `mapstructure:"ipv6_prefix"`

	// Limits are those of each key, of all requests without one, and of all keys beyond max_keys.
	Limits LimitsConfig `mapstructure:",squash"`

	// MaxKeys is how many keys are remembered. Default: 10000.
	MaxKeys int `mapstructure:"max_keys"`

	// Overrides are limits of single keys.
	Overrides []OverrideConfig `mapstructure:"overrides"`

	// prevent unkeyed literals
	_ struct{}
}

// OverrideConfig is for one key.
type OverrideConfig struct {
	// Key is the value of the header or attribute, or the address. Required.
	Key string `mapstructure:"key"`

	// Limits replace those of per_key: what is not given is not limited.
	Limits LimitsConfig `mapstructure:",squash"`

	// prevent unkeyed literals
	_ struct{}
}

// InFlightConfig bounds what is being received and served.
type InFlightConfig struct {
	// Requests is how many are served at once. Default: 0, no bound.
	Requests int64 `mapstructure:"requests"`

	// Bytes is how many bytes of requests, uncompressed, are held at once. It is the largest request that is taken, too.
	// Default: 0, no bound.
	Bytes int64 `mapstructure:"bytes"`

	// ReceiveTimeout is how long a request may take to arrive; 0 is for ever. Default: 30s.
	ReceiveTimeout time.Duration `mapstructure:"receive_timeout"`

	// prevent unkeyed literals
	_ struct{}
}

// MemoryConfig is the memory gate.
type MemoryConfig struct {
	// LimitMiB is how much memory in MiB the process may use before requests are refused; 0 means limit_percentage.
	// Default: 0.
	LimitMiB uint64 `mapstructure:"limit_mib"`

	// LimitPercentage is the same as a share of the container's memory, or of the machine's. Default: 60, below the 65 from
	// which on Sluice's configurations let memory_limiter refuse.
	LimitPercentage int `mapstructure:"limit_percentage"`

	// ResumePercentage is the share of the limit below which requests are taken again. Default: 90.
	ResumePercentage int `mapstructure:"resume_percentage"`

	// CheckInterval is how old a reading of the memory may be. Default: 10ms.
	CheckInterval time.Duration `mapstructure:"check_interval"`

	// prevent unkeyed literals
	_ struct{}
}

// ClientConfig is what exporters do with a backend.
type ClientConfig struct {
	// Rate bounds what goes to one backend, retries included. A request waits for its turn as long as its deadline allows;
	// one that would wait longer fails at once, to be retried. Default: none.
	Rate LimitsConfig `mapstructure:"rate"`

	// CircuitBreaker leaves alone a backend that fails.
	CircuitBreaker CircuitBreakerConfig `mapstructure:"circuit_breaker"`

	// prevent unkeyed literals
	_ struct{}
}

// CircuitBreakerConfig says when a backend is left alone.
type CircuitBreakerConfig struct {
	// Enabled turns the breaker on. Default: true.
	Enabled bool `mapstructure:"enabled"`

	// FailureThreshold is how many failures in a row open it; 0 means that they do not count. One 429 or 503 that says when
	// to come back opens it at once. Default: 5.
	FailureThreshold int `mapstructure:"failure_threshold"`

	// FailureRate is the share of the requests within window that must fail to open it; 0 means that it does not count.
	// Default: 0.5.
	FailureRate float64 `mapstructure:"failure_rate"`

	// Window is how far failure_rate looks back. Default: 30s.
	Window time.Duration `mapstructure:"window"`

	// MinRequests is how many requests there must have been in it. Default: 20.
	MinRequests int `mapstructure:"min_requests"`

	// Timeout is how long it is open at first; each probe that fails doubles it. Default: 5s.
	Timeout time.Duration `mapstructure:"timeout"`

	// MaxTimeout bounds how long it is open, also when the backend asks for longer. Default: 2m.
	MaxTimeout time.Duration `mapstructure:"max_timeout"`

	// HalfOpenProbes is how many requests in a row must succeed before it closes. Default: 1.
	HalfOpenProbes int `mapstructure:"half_open_probes"`

	// Jitter is the share by which an open time may be longer, at random. Default: 0.1.
	Jitter float64 `mapstructure:"jitter"`

	// prevent unkeyed literals
	_ struct{}
}

func createDefaultConfig() component.Config {
	return &Config{
		RetryAfter: time.Second,
		Rate:       RateConfig{PerKey: configoptional.Default(PerKeyConfig{IPv6Prefix: 64, MaxKeys: 10_000})},
		InFlight:   InFlightConfig{ReceiveTimeout: 30 * time.Second},
		Memory: configoptional.Default(MemoryConfig{
			LimitPercentage: 60, ResumePercentage: 90, CheckInterval: 10 * time.Millisecond,
		}),
		Client: ClientConfig{CircuitBreaker: CircuitBreakerConfig{
			Enabled: true, FailureThreshold: 5, FailureRate: 0.5, Window: 30 * time.Second, MinRequests: 20,
			Timeout: 5 * time.Second, MaxTimeout: 2 * time.Minute, HalfOpenProbes: 1, Jitter: 0.1,
		}},
	}
}
