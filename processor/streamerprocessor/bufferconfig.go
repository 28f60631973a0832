package streamerprocessor

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"time"

	"github.com/alecthomas/units"

	"github.com/sluice-metrics/sluice/internal/buffer"
)

// BufferConfig lets batches wait behind the rules, in memory and on disk. Without it, errors go back upstream unchanged.
type BufferConfig struct {
	// MaxBytes bounds the memory that is held, as estimated heap: about four times what it is on the wire. Default: 256MiB.
	MaxBytes units.Base2Bytes `mapstructure:"max_bytes"`

	// Batch is what is handed on at once.
	Batch BatchConfig `mapstructure:"batch"`

	// FlushInterval is how long data waits for more of its stream at most; 0 is not at all. Default: 200ms.
	FlushInterval time.Duration `mapstructure:"flush_interval"`

	// Workers are how many batches are handed on at once.
	Workers WorkersConfig `mapstructure:"workers"`

	// MaxStreams is how many lanes there are: within one, order is kept, and batches are numbered. Streams share lanes if there
	// are more of them. Default: 50.
	MaxStreams int `mapstructure:"max_streams"`

	// StreamBy says what makes a stream.
	StreamBy StreamByConfig `mapstructure:"stream_by"`

	// Acknowledge says when upstream gets its answer: "accepted", as soon as data is in the buffer, or "persisted", when it is
	// on disk or delivered. Default: accepted.
	Acknowledge string `mapstructure:"acknowledge"`

	// Directory is where data goes that is too much for memory, compressed. It is made if it is not there, and belongs to
	// one streamer in one pipeline. Default: none, there is no disk.
	Directory string `mapstructure:"directory"`

	// SpillThreshold is the memory held from which on new data goes to disk. Default: 100MiB.
	SpillThreshold units.Base2Bytes `mapstructure:"spill_threshold"`

	// MaxDiskBytes bounds the directory. Default: 1GiB.
	MaxDiskBytes units.Base2Bytes `mapstructure:"max_disk_bytes"`

	// Fsync makes data that is acknowledged as persisted survive a loss of power. Without it, it survives the end of the
	// process, kill -9 included. Default: false.
	Fsync bool `mapstructure:"fsync"`

	// AlertThreshold is the part of max_bytes and max_disk_bytes that otelcol_streamer_buffer_threshold_bytes shows as alert.
	// Default: 0.8.
	AlertThreshold float64 `mapstructure:"alert_threshold"`

	// Retry says when a batch is handed on again that was refused for now.
	Retry BufferRetryConfig `mapstructure:"retry"`

	// prevent unkeyed literals
	_ struct{}
}

// BatchConfig bounds a batch, whichever comes first.
type BatchConfig struct {
	// Items are data points. Default: 8192.
	Items int `mapstructure:"items"`

	// Bytes are those of the batch as protobuf. Default: 4MiB.
	Bytes units.Base2Bytes `mapstructure:"bytes"`

	// prevent unkeyed literals
	_ struct{}
}

// WorkersConfig bounds how many batches are handed on at once: more while streams wait and batches are taken, fewer when
// batches are refused.
type WorkersConfig struct {
	// Min is at least 1. Default: 1.
	Min int `mapstructure:"min"`

	// Max is at least min. Default: 8.
	Max int `mapstructure:"max"`

	// prevent unkeyed literals
	_ struct{}
}

// StreamByConfig says what makes a stream. Both may be given.
type StreamByConfig struct {
	// ResourceAttributes are those that tell streams apart. Default: all of them.
	ResourceAttributes []string `mapstructure:"resource_attributes"`

	// MetadataKeys are keys of the client's metadata, such as its headers: they tell streams apart, and go with the batches,
	// as those of the batch processor do. Receivers need include_metadata. Default: none.
	MetadataKeys []string `mapstructure:"metadata_keys"`

	// prevent unkeyed literals
	_ struct{}
}

// BufferRetryConfig is for what was refused for now; what is refused for good is dropped.
type BufferRetryConfig struct {
	// InitialInterval is the first pause, which doubles with each refusal. Default: 1s.
	InitialInterval time.Duration `mapstructure:"initial_interval"`

	// MaxInterval bounds the pause, also where the next component asks for a longer one. Default: 30s.
	MaxInterval time.Duration `mapstructure:"max_interval"`

	// PoisonAttempts is how often one batch is refused, while others are taken, until it is set aside; 0 is never.
	// Default: 20.
	PoisonAttempts int `mapstructure:"poison_attempts"`

	// prevent unkeyed literals
	_ struct{}
}

const (
	acknowledgeAccepted  = "accepted"
	acknowledgePersisted = "persisted"
)

func defaultBuffer() BufferConfig {
	return BufferConfig{
		MaxBytes:       256 * units.MiB,
		Batch:          BatchConfig{Items: 8192, Bytes: 4 * units.MiB},
		FlushInterval:  200 * time.Millisecond,
		Workers:        WorkersConfig{Min: 1, Max: 8},
		MaxStreams:     50,
		Acknowledge:    acknowledgeAccepted,
		SpillThreshold: 100 * units.MiB,
		MaxDiskBytes:   units.GiB,
		AlertThreshold: 0.8,
		Retry:          BufferRetryConfig{InitialInterval: time.Second, MaxInterval: 30 * time.Second, PoisonAttempts: 20},
	}
}

// bound is what a number of the configuration has to be.
type bound struct {
	key           string
	value, lowest int64
}

// validate joins all problems found. A nil one is none.
func (c *BufferConfig) validate() error {
	if c == nil {
		return nil
	}
	var errs []error
	for _, b := range []bound{
		{"max_bytes", int64(c.MaxBytes), 1},
		{"batch: items", int64(c.Batch.Items), 1},
		{"batch: bytes", int64(c.Batch.Bytes), 1},
		{"workers: min", int64(c.Workers.Min), 1},
		{"workers: max", int64(c.Workers.Max), int64(c.Workers.Min)},
		{"max_streams", int64(c.MaxStreams), 1},
		{"spill_threshold", int64(c.SpillThreshold), 0},
		{"max_disk_bytes", int64(c.MaxDiskBytes), 1 << 20},
		{"flush_interval", int64(c.FlushInterval), 0},
		{"retry: initial_interval", int64(c.Retry.InitialInterval), int64(time.Millisecond)},
		{"retry: max_interval", int64(c.Retry.MaxInterval), int64(c.Retry.InitialInterval)},
		{"retry: poison_attempts", int64(c.Retry.PoisonAttempts), 0},
	} {
		if b.value < b.lowest {
			errs = append(errs, fmt.Errorf("buffer: %s: must be at least %d, not %d", b.key, b.lowest, b.value))
		}
	}
	return errors.Join(append(errs, c.validateBatch(), c.validateAlert(), c.validateDisk(), c.validateKeys())...)
}

// validateBatch sees to it that several batches fit.
func (c *BufferConfig) validateBatch() error {
	if heap := buffer.HeapBytes(int64(c.Batch.Bytes), c.Batch.Items); heap > int64(c.MaxBytes) {
		return fmt.Errorf("buffer: max_bytes: must hold a batch of batch::items and batch::bytes, about %d bytes of heap, and is %d", heap, c.MaxBytes)
	}
	return nil
}

func (c *BufferConfig) validateAlert() error {
	if !(c.AlertThreshold > 0 && c.AlertThreshold <= 1) { // nor NaN
		return fmt.Errorf("buffer: alert_threshold: must be above 0 and at most 1, not %v", c.AlertThreshold)
	}
	return nil
}

func (c *BufferConfig) validateDisk() error {
	var errs []error
	if !slices.Contains([]string{acknowledgeAccepted, acknowledgePersisted}, c.Acknowledge) {
		errs = append(errs, fmt.Errorf("buffer: acknowledge: must be %s or %s, not %q", acknowledgeAccepted, acknowledgePersisted, c.Acknowledge))
	}
	if c.Directory == "" && c.Acknowledge == acknowledgePersisted {
		errs = append(errs, errors.New("buffer: directory: must be set, as acknowledge is persisted"))
	}
	if c.Directory == "" && c.Fsync {
		errs = append(errs, errors.New("buffer: directory: must be set, as fsync is"))
	}
	if c.Directory != "" && c.SpillThreshold > c.MaxBytes {
		errs = append(errs, fmt.Errorf("buffer: spill_threshold: must be at most max_bytes, %d, not %d", c.MaxBytes, c.SpillThreshold))
	}
	return errors.Join(errs...)
}

func (c *BufferConfig) validateKeys() error {
	var errs []error
	for key, list := range map[string][]string{
		"stream_by: resource_attributes": c.StreamBy.ResourceAttributes, "stream_by: metadata_keys": c.StreamBy.MetadataKeys,
	} {
		for i, name := range list {
			if name == "" {
				errs = append(errs, fmt.Errorf("buffer: %s[%d]: must not be empty", key, i))
			}
			if slices.Contains(list[:i], name) {
				errs = append(errs, fmt.Errorf("buffer: %s[%d]: %q is there twice", key, i, name))
			}
		}
	}
	return errors.Join(errs...)
}

func (c *BufferConfig) options() buffer.Options {
	o := buffer.Options{
		MaxBytes:   int64(c.MaxBytes),
		BatchItems: c.Batch.Items, BatchBytes: int64(c.Batch.Bytes),
		FlushInterval: c.FlushInterval,
		MinWorkers:    c.Workers.Min, MaxWorkers: c.Workers.Max,
		Streams:   buffer.Streams{Max: c.MaxStreams, Attributes: c.StreamBy.ResourceAttributes, Metadata: c.StreamBy.MetadataKeys},
		Retry:     buffer.Retry{Initial: c.Retry.InitialInterval, Max: c.Retry.MaxInterval, PoisonAttempts: c.Retry.PoisonAttempts},
		Persisted: c.Acknowledge == acknowledgePersisted,
	}
	if c.Directory != "" {
		o.Directory, o.Fsync = filepath.Clean(c.Directory), c.Fsync
		o.SpillThreshold, o.MaxDiskBytes = int64(c.SpillThreshold), int64(c.MaxDiskBytes)
	}
	return o
}

// alertAt is the alert threshold of a bound.
func (c *BufferConfig) alertAt(bytes units.Base2Bytes) int64 {
	return int64(math.Round(float64(bytes) * c.AlertThreshold))
}
