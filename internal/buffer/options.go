package buffer

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Options of a Buffer. Of those without a default, 0 is what it says.
type Options struct {
	// Deliver hands a batch on. It may be called by MaxWorkers goroutines at once, never twice at once for one stream.
	Deliver func(ctx context.Context, md pmetric.Metrics) error
	// Shared says that nobody behind Deliver changes what it is given: batches are handed out read-only and not copied.
	Shared bool

	// MaxBytes bounds the heap that is held, as estimated by HeapBytes.
	MaxBytes int64
	// BatchItems and BatchBytes (as protobuf) are what a batch holds at most, a single data point apart.
	BatchItems int
	BatchBytes int64
	// FlushInterval is how long a piece waits for more at most; 0 is not at all.
	FlushInterval time.Duration
	// MinWorkers and MaxWorkers are how many batches are delivered at once: more while streams wait and batches are taken,
	// fewer when batches are refused.
	MinWorkers, MaxWorkers int
	Streams                Streams
	Retry                  Retry

	// Persisted makes Add answer only when its metrics are on disk or delivered. It needs Directory.
	Persisted bool
	// Directory holds what memory does not; without it there is no disk.
	Directory string
	// SpillThreshold is the heap from which on new pieces go to disk. At most MaxBytes.
	SpillThreshold int64
	MaxDiskBytes   int64
	Fsync          bool

	// OnStorage is told when storage begins to fail, and with nil when it works again. OnDrop is told of every batch that is
	// dropped. They must not call the Buffer.
	OnStorage func(error)
	OnDrop    func(Drop)
}

// Retry says when a batch is tried again that was refused for now.
type Retry struct {
	// Initial is the first wait, 1 s if it is 0, Max the longest one, no less than Initial.
	Initial, Max time.Duration
	// PoisonAttempts is after how many refusals a batch is set aside, if others were taken in the meantime.
	PoisonAttempts int
}

// Drop is a batch that is delivered no more.
type Drop struct {
	Batch  Number
	Reason Reason
	Points int
	Err    error
}

func (o *Options) withDefaults() {
	if o.OnStorage == nil {
		o.OnStorage = func(error) {}
	}
	if o.OnDrop == nil {
		o.OnDrop = func(Drop) {}
	}
	o.MaxWorkers = max(o.MaxWorkers, 1)
	o.MinWorkers = min(max(o.MinWorkers, 1), o.MaxWorkers)
	o.SpillThreshold = min(o.SpillThreshold, o.MaxBytes)
	o.Streams.Max = max(o.Streams.Max, 1)
	if o.Retry.Initial <= 0 {
		o.Retry.Initial = time.Second
	}
	o.Retry.Max = max(o.Retry.Max, o.Retry.Initial)
}
