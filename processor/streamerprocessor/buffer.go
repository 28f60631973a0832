package streamerprocessor

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/buffer"
	"github.com/sluice-metrics/sluice/internal/ledger"
	"github.com/sluice-metrics/sluice/internal/spill"
)

// buffered is what the rules hand batches to, which hands them on later.
type buffered struct {
	config *BufferConfig
	next   consumer.Metrics
	report *report
	host   component.Host
	engine atomic.Pointer[buffer.Buffer] // nil before the start, when the books may ask already
}

// Capabilities are those of the streamer: what is shared is copied before it is changed.
func (*buffered) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// pipelineEnd is what the distribution's consumers know of all that is behind them.
type pipelineEnd interface{ PipelineMutates() bool }

// shared reports whether nobody behind changes what it is given. Elsewhere than in the distribution that is not known.
func (b *buffered) shared() bool {
	end, ok := b.next.(pipelineEnd)
	return ok && !end.PipelineMutates()
}

func (b *buffered) start(host component.Host) error {
	b.host = host
	opts := b.config.options()
	opts.Deliver, opts.Shared, opts.OnStorage, opts.OnDrop = b.deliver, b.shared(), b.onStorage, b.onDrop
	engine, err := buffer.Open(opts)
	switch {
	case errors.Is(err, spill.ErrLocked):
		return fmt.Errorf("buffer: directory: %s: %w; it belongs to one streamer, and that to one pipeline", b.config.Directory, err)
	case err != nil:
		return fmt.Errorf("buffer: directory: %s: %w", b.config.Directory, err)
	}
	b.engine.Store(engine)
	return b.report.observeBuffer(engine, b.config)
}

// ConsumeMetrics takes a batch, or refuses it as OTLP has it.
func (b *buffered) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	points := md.DataPointCount() // the engine's afterwards
	err := b.engine.Load().Add(ctx, md)
	var full *buffer.FullError
	switch {
	case errors.As(err, &full):
		b.report.refuse(ctx, refusedFull, points)
		return exhausted(full.Error(), full.RetryAfter)
	case errors.Is(err, buffer.ErrTooLarge):
		b.report.refuse(ctx, refusedTooLarge, points)
		return consumererror.NewPermanent(err)
	case errors.Is(err, buffer.ErrClosed):
		b.report.refuse(ctx, refusedStopped, points)
	}
	return err
}

// deliver hands a batch on, in a trace of its own: it may be made of many requests.
func (b *buffered) deliver(ctx context.Context, md pmetric.Metrics) error {
	ctx, span := b.report.tracer.Start(ctx, "streamer/deliver", trace.WithNewRoot())
	defer span.End()
	if span.IsRecording() {
		batch := buffer.NumberOf(ctx)
		span.SetAttributes(attribute.Int("streamer.datapoints", md.DataPointCount()),
			attribute.Int64("streamer.lane", int64(batch.Lane)), attribute.Int64("streamer.batch", int64(batch.Seq)))
	}
	err := b.next.ConsumeMetrics(ctx, md)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	return err
}

func (b *buffered) onStorage(err error) {
	if err == nil {
		b.report.logger.Info("buffer: the disk takes data again", zap.String("directory", b.config.Directory))
		componentstatus.ReportStatus(b.host, componentstatus.NewEvent(componentstatus.StatusOK))
		return
	}
	b.report.logger.Error("buffer: the disk takes no data, what memory has room for is taken",
		zap.String("directory", b.config.Directory), zap.Error(err))
	componentstatus.ReportStatus(b.host, componentstatus.NewRecoverableErrorEvent(fmt.Errorf("buffer: directory: %w", err)))
}

// onDrop leaves out what a stop drops, of which shutdown tells the sum.
func (b *buffered) onDrop(d buffer.Drop) {
	if d.Reason == buffer.Stopped {
		return
	}
	b.report.logger.Error("buffer: batch dropped", zap.Stringer("reason", d.Reason), zap.Int("datapoints", d.Points),
		zap.Uint64("lane", d.Batch.Lane), zap.Uint64("batch", d.Batch.Seq), zap.Error(d.Err))
}

func (b *buffered) shutdown(ctx context.Context) error {
	engine := b.engine.Load()
	if engine == nil {
		return nil
	}
	left, err := engine.Close(ctx)
	if left != (buffer.Left{}) {
		level := zap.InfoLevel
		if left.Lost > 0 {
			level = zap.ErrorLevel
		}
		b.report.logger.Log(level, "buffer: stopped before all was delivered",
			zap.Int64("stored_datapoints", left.Stored), zap.Int64("lost_datapoints", left.Lost))
	}
	return err
}

// Holding is for the books of the process.
func (b *buffered) Holding() ledger.Holding {
	engine := b.engine.Load()
	if engine == nil {
		return ledger.Holding{}
	}
	s := engine.Stats()
	h := ledger.Holding{Carried: s.Recovered, Memory: s.MemoryPoints, Stored: s.DiskPoints, Kept: s.Kept}
	for _, n := range s.Dropped {
		h.Lost += n
	}
	return h
}
