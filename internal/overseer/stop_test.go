package overseer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

var errStop = errors.New("would not stop")

func TestStop(t *testing.T) {
	waits := func(d time.Duration, heeds bool) component.ShutdownFunc {
		return func(ctx context.Context) error {
			done := ctx.Done()
			if !heeds {
				done = nil
			}
			select {
			case <-time.After(d):
				return nil
			case <-done:
				return ctx.Err()
			}
		}
	}
	for name, tc := range map[string]struct {
		shutdown component.ShutdownFunc
		limit    time.Duration
		cancel   time.Duration
		takes    time.Duration
		err      string
		settles  bool
	}{
		"in time":                {waits(time.Second, false), 10 * time.Second, 0, time.Second, "", true},
		"with an error":          {func(context.Context) error { return errStop }, 10 * time.Second, 0, 0, "would not stop", true},
		"heeds its limit":        {waits(time.Minute, true), 10 * time.Second, 0, 10 * time.Second, "deadline exceeded", true},
		"at the last moment":     {waits(10*time.Second+lastChance/2, false), 10 * time.Second, 0, 10*time.Second + lastChance/2, "", true},
		"hangs":                  {waits(time.Minute, false), 10 * time.Second, 0, 10*time.Second + lastChance, "receiver otlp did not stop within 10.1s and is left behind", false},
		"no limit":               {waits(time.Minute, false), 0, 0, time.Minute, "", true},
		"no limit, deadline":     {waits(time.Minute, false), 0, 20 * time.Second, 20*time.Second + lastChance, "left behind", false},
		"limit, deadline before": {waits(time.Minute, false), time.Minute, 20 * time.Second, 20*time.Second + lastChance, "left behind", false},
		"deadline, heeds it":     {waits(time.Minute, true), 0, 20 * time.Second, 20 * time.Second, "context canceled", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tc.cancel > 0 {
					time.AfterFunc(tc.cancel, cancel)
				}
				settled := false
				var s stopper
				began := time.Now()
				stop := func() error {
					return s.stop(ctx, "receiver otlp", tc.limit, tc.shutdown, func() { settled = true })
				}
				err := stop()
				assert.Equal(t, tc.takes, time.Since(began))
				if tc.err == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, tc.err)
				}
				assert.Equal(t, tc.settles, settled)
				assert.Equal(t, !tc.settles, s.hung.Load())
				var hung *HungError
				assert.Equal(t, !tc.settles, errors.As(fmt.Errorf("wrapped: %w", err), &hung) && hung.LeftBehind())
				assert.Equal(t, err, stop(), "once")
				time.Sleep(time.Minute) // lets what hangs end before the bubble does
			})
		})
	}
}

// What a receiver sends that was left behind would be taken by queues that nobody empties.
func TestReceiverThatWasLeftBehindIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOverseer(time.Second)
		sink := &consumertest.MetricsSink{}
		h, wrapped := newHand(t, o, sink, func(context.Context) error {
			time.Sleep(time.Minute)
			return nil
		})
		require.NoError(t, h.next.ConsumeMetrics(t.Context(), points(3)))
		require.Error(t, wrapped.Shutdown(t.Context()))
		require.ErrorIs(t, h.next.ConsumeMetrics(t.Context(), points(4)), errLeftBehind)
		assert.Equal(t, 3, sink.DataPointCount())
		assert.EqualValues(t, 3, o.value(o.ledger.Books().Accepted))
		time.Sleep(time.Minute)
	})
}

// slow are factories of components of all signals that take a time to stop.
type slow struct {
	component.StartFunc
	consumertest.Consumer
	takes time.Duration
	next  any
}

func (s *slow) Shutdown(context.Context) error {
	time.Sleep(s.takes)
	return nil
}

func TestOtherSignalsAreLeftBehindToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOverseer(time.Second)
		s := &slow{Consumer: consumertest.NewNop(), takes: time.Minute}
		typ := component.MustNewType("slow")
		alpha := component.StabilityLevelAlpha
		rf := o.receiverFactory(receiver.NewFactory(typ, nopConfig,
			receiver.WithTraces(func(_ context.Context, _ receiver.Settings, _ component.Config, next consumer.Traces) (receiver.Traces, error) {
				return &slow{takes: time.Minute, next: next}, nil
			}, alpha),
			receiver.WithLogs(func(_ context.Context, _ receiver.Settings, _ component.Config, next consumer.Logs) (receiver.Logs, error) {
				return &slow{takes: time.Minute, next: next}, nil
			}, alpha)))
		pf := o.processorFactory(processor.NewFactory(typ, nopConfig,
			processor.WithTraces(func(context.Context, processor.Settings, component.Config, consumer.Traces) (processor.Traces, error) {
				return s, nil
			}, alpha),
			processor.WithLogs(func(context.Context, processor.Settings, component.Config, consumer.Logs) (processor.Logs, error) {
				return s, nil
			}, alpha)))
		ef := o.exporterFactory(exporter.NewFactory(typ, nopConfig,
			exporter.WithTraces(func(context.Context, exporter.Settings, component.Config) (exporter.Traces, error) { return s, nil }, alpha),
			exporter.WithLogs(func(context.Context, exporter.Settings, component.Config) (exporter.Logs, error) { return s, nil }, alpha)))

		rs, ps, es := receivertest.NewNopSettings(typ), processortest.NewNopSettings(typ), exportertest.NewNopSettings(typ)
		rt, err := rf.CreateTraces(t.Context(), rs, nopConfig(), consumertest.NewNop())
		require.NoError(t, err)
		rl, err := rf.CreateLogs(t.Context(), rs, nopConfig(), consumertest.NewNop())
		require.NoError(t, err)
		pt, err := pf.CreateTraces(t.Context(), ps, nopConfig(), consumertest.NewNop())
		require.NoError(t, err)
		pl, err := pf.CreateLogs(t.Context(), ps, nopConfig(), consumertest.NewNop())
		require.NoError(t, err)
		et, err := ef.CreateTraces(t.Context(), es, nopConfig())
		require.NoError(t, err)
		el, err := ef.CreateLogs(t.Context(), es, nopConfig())
		require.NoError(t, err)

		traces := rt.(*receiverStop).Metrics.(*slow).next.(consumer.Traces)
		logs := rl.(*receiverStop).Metrics.(*slow).next.(consumer.Logs)
		require.NoError(t, traces.ConsumeTraces(t.Context(), ptrace.NewTraces()))
		require.NoError(t, logs.ConsumeLogs(t.Context(), plog.NewLogs()))
		for _, c := range []struct {
			component.Component
			takes time.Duration
		}{
			{rt, time.Second + lastChance},
			{rl, 2 * lastChance}, // of one ID: maybe the same inside
			{pt, time.Second + lastChance},
			{pl, time.Second + lastChance},
			{et, time.Second + lastChance},
			{el, time.Second + lastChance},
		} {
			began := time.Now()
			var hung *HungError
			require.ErrorAs(t, c.Shutdown(t.Context()), &hung)
			assert.Equal(t, c.takes, time.Since(began))
		}
		require.ErrorIs(t, traces.ConsumeTraces(t.Context(), ptrace.NewTraces()), errLeftBehind)
		require.ErrorIs(t, logs.ConsumeLogs(t.Context(), plog.NewLogs()), errLeftBehind)
		time.Sleep(time.Minute)
	})
}
