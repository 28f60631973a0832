package streamerprocessor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alecthomas/units"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sluice-metrics/sluice/internal/ledger"
	"github.com/sluice-metrics/sluice/internal/rules/rulestest"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadata"
)

// backend is a next component that answers as it is told.
type backend struct {
	consumertest.MetricsSink
	answer atomic.Pointer[error]
}

func (b *backend) refuseWith(err error) { b.answer.Store(&err) }

func (b *backend) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if err := b.answer.Load(); err != nil && *err != nil {
		return *err
	}
	return b.MetricsSink.ConsumeMetrics(ctx, md)
}

// withBuffer is a configuration with a buffer that waits for nothing.
func withBuffer(change func(*BufferConfig)) *Config {
	cfg := createDefaultConfig().(*Config)
	b := defaultBuffer()
	b.FlushInterval, b.Retry.InitialInterval = 0, 10*time.Millisecond
	if change != nil {
		change(&b)
	}
	cfg.Buffer = configoptional.Some(b)
	return cfg
}

func startBuffered(t *testing.T, set processor.Settings, cfg *Config, next consumer.Metrics, host component.Host) processor.Metrics {
	t.Helper()
	require.NoError(t, cfg.Validate())
	p, err := NewFactory().CreateMetrics(t.Context(), set, cfg, next)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), host))
	return p
}

func TestVerifyShutdownOfABuffer(t *testing.T) {
	processortest.VerifyShutdown(t, NewFactory(), withBuffer(nil))
}

func TestBufferedBatchesComeThroughTheRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &backend{}
		next.refuseWith(errors.New("down"))
		cfg := withBuffer(nil)
		cfg.Rules = []RuleConfig{{Drop: []string{`metric.name == "go_threads"`}}}
		p := startBuffered(t, processortest.NewNopSettings(metadata.Type), cfg, next, componenttest.NewNopHost())
		assert.False(t, p.Capabilities().MutatesData)
		require.NoError(t, p.ConsumeMetrics(t.Context(), rulestest.Metrics()), "upstream does not hear of it")
		next.refuseWith(nil)
		require.NoError(t, p.Shutdown(t.Context()))
		require.NoError(t, p.Shutdown(t.Context()))
		dropped := countPoints(rulestest.Metrics(), func(q rulestest.Point) bool { return q.Metric.Name() == "go_threads" })
		assert.Equal(t, int64(rulestest.Metrics().DataPointCount())-dropped, int64(next.DataPointCount()))
	})
}

func TestFullBufferRefusesAsOTLPHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &backend{}
		next.refuseWith(errors.New("down"))
		tel := componenttest.NewTelemetry()
		set := processortest.NewNopSettings(metadata.Type)
		set.TelemetrySettings = tel.NewTelemetrySettings()
		cfg := withBuffer(func(b *BufferConfig) {
			b.MaxBytes, b.Batch = 64*units.KiB, BatchConfig{Items: 100, Bytes: 8 * units.KiB}
		})
		p := startBuffered(t, set, cfg, next, componenttest.NewNopHost())
		var err error
		taken := 0
		for ; err == nil && taken < 10_000; taken++ {
			err = p.ConsumeMetrics(t.Context(), rulestest.Metrics())
		}
		require.Equal(t, codes.ResourceExhausted, status.Code(err), err)
		var info *errdetails.RetryInfo
		for _, d := range status.Convert(err).Details() {
			info, _ = d.(*errdetails.RetryInfo)
		}
		require.NotNil(t, info)
		assert.Equal(t, 30*time.Second, info.GetRetryDelay().AsDuration(), "nothing leaves")
		assert.EqualValues(t, rulestest.Metrics().DataPointCount(), metricValue(t, tel, "otelcol_streamer_refused_datapoints", "reason", "buffer_full"))
		assert.EqualValues(t, 64<<10, metricValue(t, tel, "otelcol_streamer_buffer_threshold_bytes", "threshold", "drop"))
		held := metricValue(t, tel, "otelcol_streamer_buffer_bytes", "tier", "memory")
		assert.Greater(t, held, int64(32<<10))
		assert.LessOrEqual(t, held, int64(64<<10))
		points := int64((taken - 1) * rulestest.Metrics().DataPointCount())
		assert.Equal(t, points, metricValue(t, tel, "otelcol_streamer_buffer_datapoints", "tier", "memory"))
		assert.Equal(t, points, metricValue(t, tel, "otelcol_streamer_buffer_accepted_datapoints", "", ""))
		time.Sleep(time.Second)
		assert.Positive(t, metricValue(t, tel, "otelcol_streamer_buffer_refusals", "", ""))

		next.refuseWith(consumererror.NewPermanent(errors.New("never")))
		time.Sleep(time.Minute)
		assert.Equal(t, points, metricValue(t, tel, "otelcol_streamer_buffer_dropped_datapoints", "reason", "permanent"))
		require.NoError(t, p.Shutdown(t.Context()))
		require.NoError(t, tel.Shutdown(t.Context()))
	})
}

// metricValue is that of the data point that has the attribute; of the only one where the key is empty.
func metricValue(t *testing.T, tel *componenttest.Telemetry, name, key, value string) int64 {
	t.Helper()
	m, err := tel.GetMetric(name)
	require.NoError(t, err)
	var points []metricdata.DataPoint[int64]
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		points = data.DataPoints
	case metricdata.Gauge[int64]:
		points = data.DataPoints
	}
	for _, p := range points {
		if key == "" {
			return p.Value
		}
		for _, a := range p.Attributes.ToSlice() {
			if string(a.Key) == key && a.Value.AsString() == value {
				return p.Value
			}
		}
	}
	t.Fatalf("%s has no point with %s=%q", name, key, value)
	return 0
}

func TestWhatIsStoredIsDeliveredByTheNextProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "buffer")
	synctest.Test(t, func(t *testing.T) {
		next := &backend{}
		next.refuseWith(errors.New("down"))
		persisted := withBuffer(func(b *BufferConfig) { b.Directory, b.Acknowledge, b.Fsync = dir, acknowledgePersisted, true })
		p := startBuffered(t, processortest.NewNopSettings(metadata.Type), persisted, next, componenttest.NewNopHost())
		points := int64(rulestest.Metrics().DataPointCount())
		require.NoError(t, p.ConsumeMetrics(t.Context(), rulestest.Metrics()))
		assert.Equal(t, ledger.Holding{Stored: points}, p.(ledger.Holder).Holding())
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		require.NoError(t, p.Shutdown(ctx))

		next.refuseWith(nil)
		p = startBuffered(t, processortest.NewNopSettings(metadata.Type), persisted, next, componenttest.NewNopHost())
		assert.Equal(t, points, p.(ledger.Holder).Holding().Carried)
		require.NoError(t, p.Shutdown(t.Context()))
		assert.EqualValues(t, points, next.DataPointCount())
		assert.Equal(t, ledger.Holding{Carried: points}, p.(ledger.Holder).Holding())
	})
}

func TestLossIsToldToTheBooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &backend{}
		next.refuseWith(errors.New("down"))
		p := startBuffered(t, processortest.NewNopSettings(metadata.Type), withBuffer(nil), next, componenttest.NewNopHost())
		require.NoError(t, p.ConsumeMetrics(t.Context(), rulestest.Metrics()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.NoError(t, p.Shutdown(ctx))
		assert.Equal(t, ledger.Holding{Lost: int64(rulestest.Metrics().DataPointCount())}, p.(ledger.Holder).Holding())
	})
}

func TestDirectoryBelongsToOneStreamer(t *testing.T) {
	cfg := withBuffer(func(b *BufferConfig) { b.Directory = t.TempDir() })
	first := startBuffered(t, processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop(), componenttest.NewNopHost())
	second, err := NewFactory().CreateMetrics(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.ErrorContains(t, second.Start(t.Context(), componenttest.NewNopHost()), "it belongs to one streamer, and that to one pipeline")
	require.NoError(t, second.Shutdown(t.Context()))
	require.NoError(t, first.Shutdown(t.Context()))
}

// statusHost notes what components say of themselves.
type statusHost struct {
	component.Host
	events chan *componentstatus.Event
}

func (h *statusHost) Report(e *componentstatus.Event) { h.events <- e }

func TestDiskThatFailsIsAStatus(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "buffer")
	cfg := withBuffer(func(b *BufferConfig) { b.Directory, b.SpillThreshold = dir, 0 })
	next := &backend{}
	next.refuseWith(errors.New("down"))
	host := &statusHost{componenttest.NewNopHost(), make(chan *componentstatus.Event, 10)}
	p := startBuffered(t, processortest.NewNopSettings(metadata.Type), cfg, next, host)
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, p.ConsumeMetrics(t.Context(), rulestest.Metrics()), "memory has room")
	e := <-host.events
	assert.Equal(t, componentstatus.StatusRecoverableError, e.Status())
	require.ErrorContains(t, e.Err(), "buffer: directory: ")
	next.refuseWith(nil)
	_ = p.Shutdown(t.Context()) // the directory is gone
	assert.Equal(t, rulestest.Metrics().DataPointCount(), next.DataPointCount())
}
