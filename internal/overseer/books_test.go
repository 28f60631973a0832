package overseer

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/batchprocessor"
	"go.opentelemetry.io/collector/processor/processortest"
	"pgregory.net/rapid"

	_ "github.com/sluice-metrics/sluice/internal/proof"
)

var (
	errRetry   = errors.New("come again")
	errForGood = consumererror.NewPermanent(errors.New("never"))
)

// outcomes draws what the backend answers; the exporter's workers ask for them in any order.
func outcomes(t *rapid.T) func() error {
	list := rapid.SliceOfN(rapid.SampledFrom([]error{nil, nil, errRetry, errForGood}), 1, 20).Draw(t, "answers")
	var mu sync.Mutex
	var i int
	return func() error {
		mu.Lock()
		defer mu.Unlock()
		i++
		return list[i%len(list)]
	}
}

// helped is an exporter of exporterhelper's with what the test draws.
func helped(t *rapid.T, p *pusher) exporter.CreateMetricsFunc {
	retry := configretry.NewDefaultBackOffConfig()
	retry.Enabled = rapid.Bool().Draw(t, "retry")
	retry.InitialInterval, retry.MaxInterval, retry.MaxElapsedTime = time.Millisecond, time.Millisecond, 3*time.Millisecond
	queue := configoptional.None[exporterhelper.QueueBatchConfig]()
	if rapid.Bool().Draw(t, "queue") {
		cfg := exporterhelper.NewDefaultQueueConfig()
		cfg.NumConsumers = rapid.IntRange(1, 4).Draw(t, "consumers")
		cfg.QueueSize = rapid.Int64Range(1, 20).Draw(t, "size")
		cfg.WaitForResult = rapid.Bool().Draw(t, "wait")
		cfg.BlockOnOverflow = rapid.Bool().Draw(t, "block")
		if rapid.Bool().Draw(t, "batch in queue") {
			cfg.Sizer = exporterhelper.RequestSizerTypeItems
			cfg.QueueSize *= 10
			cfg.Batch = configoptional.Some(exporterhelper.BatchConfig{
				FlushTimeout: time.Millisecond, MinSize: 7, Sizer: exporterhelper.RequestSizerTypeItems,
			})
		}
		queue = configoptional.Some(cfg)
	}
	return func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
		return exporterhelper.NewMetrics(ctx, set, cfg, p.push, exporterhelper.WithQueue(queue), exporterhelper.WithRetry(retry))
	}
}

// batched puts contrib's batch processor, which takes points and sends them later, before next.
func batched(t *testing.T, o *Overseer, size uint32, next consumer.Metrics) processor.Metrics {
	t.Helper()
	f := o.processorFactory(batchprocessor.NewFactory())
	cfg := f.CreateDefaultConfig().(*batchprocessor.Config)
	cfg.SendBatchSize, cfg.Timeout = size, time.Millisecond
	p, err := f.CreateMetrics(t.Context(), processortest.NewNopSettings(f.Type()), cfg, next)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	return p
}

// TestBooksBalance sends through the real batch processor and the real exporterhelper, whatever their settings and
// whatever the backend answers: what clients were told is safe was confirmed by the backend, or is booked as lost.
func TestBooksBalance(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := newOverseer(0)
		p := &pusher{next: outcomes(rt)}
		e := end(t, o, helped(rt, p))
		next, stop := consumer.Metrics(e), e.Shutdown
		if rapid.Bool().Draw(rt, "batch") {
			b := batched(t, o, rapid.Uint32Range(1, 30).Draw(rt, "batch size"), e)
			next, stop = b, func(ctx context.Context) error { return errors.Join(b.Shutdown(ctx), e.Shutdown(ctx)) }
		}
		h, r := newHand(t, o, next, func(context.Context) error { return nil })
		var accepted, refused int64
		for _, n := range rapid.SliceOfN(rapid.IntRange(1, 10), 0, 30).Draw(rt, "batches") {
			if h.next.ConsumeMetrics(t.Context(), points(n)) == nil {
				accepted += int64(n)
			} else {
				refused += int64(n)
			}
		}
		require.NoError(rt, r.Shutdown(t.Context()))
		require.NoError(rt, stop(t.Context()))

		b := o.ledger.Books()
		assert.Equal(rt, accepted, o.value(b.Accepted), "accepted")
		assert.Equal(rt, refused, o.value(b.Refused), "refused")
		assert.Equal(rt, p.confirmed.Load(), o.value(b.Delivered), "delivered")
		assert.Equal(rt, accepted-p.confirmed.Load(), o.value(b.Lost), "lost")
		assert.Zero(rt, o.value(b.Stored))
		assert.Zero(rt, o.value(b.Removed))
		assert.Zero(rt, o.value(b.Copied))
		assert.Zero(rt, o.value(b.Lost.Minus(b.Doomed())), "nothing is held any more")
	})
}
