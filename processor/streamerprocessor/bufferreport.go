package streamerprocessor

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sluice-metrics/sluice/internal/buffer"
)

// reading is what a self-metric shows of a buffer.
type reading func(s *buffer.Stats, show func(n int64, attributes ...attribute.KeyValue))

// observeBuffer reports what a buffer holds and does.
func (r *report) observeBuffer(b *buffer.Buffer, c *BufferConfig) error {
	return errors.Join(r.observeHeld(b, c), r.observeFlow(b), r.observeDisk(b))
}

// of makes a callback of a reading.
func (r *report) of(b *buffer.Buffer, read reading) metric.Int64Callback {
	return func(_ context.Context, o metric.Int64Observer) error {
		s := b.Stats()
		read(&s, func(n int64, attributes ...attribute.KeyValue) {
			o.Observe(n, metric.WithAttributes(append(attributes, r.id)...))
		})
		return nil
	}
}

// plain is a reading of one number.
func plain(n func(s *buffer.Stats) int64) reading {
	return func(s *buffer.Stats, show func(int64, ...attribute.KeyValue)) { show(n(s)) }
}

func (r *report) observeHeld(b *buffer.Buffer, c *BufferConfig) error {
	memory, disk := attribute.String("tier", "memory"), attribute.String("tier", "disk")
	threshold := func(name string) attribute.KeyValue { return attribute.String("threshold", name) }
	return errors.Join(
		r.telemetry.RegisterStreamerBufferDatapointsCallback(r.of(b, func(s *buffer.Stats, show func(int64, ...attribute.KeyValue)) {
			show(s.MemoryPoints, memory)
			show(s.DiskPoints, disk)
		})),
		r.telemetry.RegisterStreamerBufferBytesCallback(r.of(b, func(s *buffer.Stats, show func(int64, ...attribute.KeyValue)) {
			show(s.MemoryBytes, memory)
			show(s.DiskBytes, disk)
		})),
		r.telemetry.RegisterStreamerBufferThresholdBytesCallback(r.of(b, func(_ *buffer.Stats, show func(int64, ...attribute.KeyValue)) {
			show(c.alertAt(c.MaxBytes), memory, threshold("alert"))
			show(int64(c.MaxBytes), memory, threshold("drop"))
			if c.Directory != "" {
				show(int64(c.SpillThreshold), memory, threshold("spill"))
				show(c.alertAt(c.MaxDiskBytes), disk, threshold("alert"))
				show(int64(c.MaxDiskBytes), disk, threshold("drop"))
			}
		})),
		r.telemetry.RegisterStreamerBufferStreamsCallback(r.of(b, plain(func(s *buffer.Stats) int64 { return int64(s.Streams) }))),
		r.telemetry.RegisterStreamerBufferWorkersCallback(r.of(b, func(s *buffer.Stats, show func(int64, ...attribute.KeyValue)) {
			show(int64(s.Workers), attribute.String("state", "busy"))
			show(int64(s.Slots), attribute.String("state", "allowed"))
		})),
	)
}

func (r *report) observeFlow(b *buffer.Buffer) error {
	return errors.Join(
		r.telemetry.RegisterStreamerBufferAcceptedDatapointsCallback(r.of(b, plain(func(s *buffer.Stats) int64 { return s.Accepted }))),
		r.telemetry.RegisterStreamerBufferRecoveredDatapointsCallback(r.of(b, plain(func(s *buffer.Stats) int64 { return s.Recovered }))),
		r.telemetry.RegisterStreamerBufferDeliveredDatapointsCallback(r.of(b, plain(func(s *buffer.Stats) int64 { return s.Delivered }))),
		r.telemetry.RegisterStreamerBufferReturnedDatapointsCallback(r.of(b, plain(func(s *buffer.Stats) int64 { return s.Returned }))),
		r.telemetry.RegisterStreamerBufferDroppedDatapointsCallback(r.of(b, func(s *buffer.Stats, show func(int64, ...attribute.KeyValue)) {
			for _, reason := range buffer.Reasons() {
				show(s.Dropped[reason], attribute.String("reason", reason.String()))
			}
		})),
		r.telemetry.RegisterStreamerBufferBatchesCallback(r.of(b, plain(func(s *buffer.Stats) int64 { return s.Batches }))),
		r.telemetry.RegisterStreamerBufferRefusalsCallback(r.of(b, plain(func(s *buffer.Stats) int64 { return s.Refusals }))),
	)
}

func (r *report) observeDisk(b *buffer.Buffer) error {
	return errors.Join(
		r.telemetry.RegisterStreamerBufferSpilledDatapointsCallback(r.of(b, plain(func(s *buffer.Stats) int64 { return int64(s.Log.Appended.Points) }))),
		r.telemetry.RegisterStreamerBufferSpilledBytesCallback(r.of(b, func(s *buffer.Stats, show func(int64, ...attribute.KeyValue)) {
			show(s.Log.AppendedData, attribute.String("form", "uncompressed"))
			show(s.Log.Appended.Bytes, attribute.String("form", "stored"))
		})),
		r.telemetry.RegisterStreamerBufferDamagedBytesCallback(r.of(b, plain(func(s *buffer.Stats) int64 {
			return s.Log.Damaged.Bytes + s.Log.Unreadable.Bytes + s.Log.Torn.Bytes
		}))),
		r.telemetry.RegisterStreamerBufferAsideBytesCallback(r.of(b, plain(func(s *buffer.Stats) int64 { return s.Log.AsideBytes }))),
	)
}
