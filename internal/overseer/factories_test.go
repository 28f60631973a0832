package overseer

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/loadbalancingexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/healthcheckextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/pprofextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/exporter/nopexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/exporter/xexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/batchprocessor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/xreceiver"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sluice-metrics/sluice/internal/ledger"
)

func create() (otelcol.Factories, error) {
	var f otelcol.Factories
	var errs [4]error
	f.Receivers, errs[0] = otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory())
	f.Processors, errs[1] = otelcol.MakeFactoryMap[processor.Factory](batchprocessor.NewFactory())
	f.Exporters, errs[2] = otelcol.MakeFactoryMap[exporter.Factory](otlphttpexporter.NewFactory(), nopexporter.NewFactory(), loadbalancingexporter.NewFactory())
	f.Extensions, errs[3] = otelcol.MakeFactoryMap[extension.Factory](healthcheckextension.NewFactory(), pprofextension.NewFactory())
	return f, errors.Join(errs[:]...)
}

func wrapped(t *testing.T, o *Overseer) otelcol.Factories {
	t.Helper()
	f, err := o.Wrap(create)()
	require.NoError(t, err)
	return f
}

func TestWrappingKeepsWhatFactoriesAre(t *testing.T) {
	plain, err := create()
	require.NoError(t, err)
	f := wrapped(t, newOverseer(0))
	require.Len(t, f.Exporters, len(plain.Exporters))
	for typ, e := range plain.Exporters {
		w := f.Exporters[typ]
		assert.Equal(t, e.Type(), w.Type())
		assert.Equal(t, e.CreateDefaultConfig(), w.CreateDefaultConfig())
		assert.Equal(t, e.MetricsStability(), w.MetricsStability())
		assert.Equal(t, aliasOf(e), w.(aliasHolder).DeprecatedAlias())
		_, profiles := e.(xexporter.Factory)
		_, still := w.(xexporter.Factory)
		assert.Equal(t, profiles, still, typ)
	}
	assert.Equal(t, "otlphttp", aliasOf(f.Exporters[component.MustNewType("otlphttp")]).String())
	x, ok := f.Receivers[component.MustNewType("otlp")].(xreceiver.Factory)
	require.True(t, ok)
	assert.Equal(t, plain.Receivers[x.Type()].(xreceiver.Factory).ProfilesStability(), x.ProfilesStability())
	for name := range nesting {
		assert.Contains(t, f.Exporters, component.MustNewType(name))
	}

	_, err = newOverseer(0).Wrap(func() (otelcol.Factories, error) { return otelcol.Factories{}, errStop })()
	require.ErrorIs(t, err, errStop)
}

// A process that counts nothing is left alone.
func TestWithoutCountingPointsPass(t *testing.T) {
	o := New(&ledger.Ledger{}, nil)
	sink := &consumertest.MetricsSink{}
	h, _ := newHand(t, o, sink, nil)
	require.NoError(t, h.next.ConsumeMetrics(t.Context(), points(3)))
	assert.Equal(t, 3, sink.DataPointCount())
	assert.Equal(t, ledger.Books{}, o.ledger.Books())
}

type dependent struct {
	component.StartFunc
	component.ShutdownFunc
	on []component.ID
}

func (d dependent) Dependencies() []component.ID { return d.on }
func (dependent) Ready() error                   { return nil }
func (dependent) NotReady() error                { return nil }

func TestWatchers(t *testing.T) {
	id := component.MustNewIDWithName
	drain := id("drain", "")
	o := newOverseer(0)
	f := wrapped(t, o)
	for _, typ := range []string{"health_check", "pprof"} {
		factory := f.Extensions[component.MustNewType(typ)]
		cfg := factory.CreateDefaultConfig()
		_, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), cfg)
		require.NoError(t, err)
	}
	watchers := o.Watchers(drain)
	require.Len(t, watchers, 1, "pprof does not watch pipelines")
	assert.Equal(t, "health_check", watchers[0].Type().String())

	o.forget()
	free, tied, circle, other := id("free", ""), id("tied", ""), id("circle", ""), id("circle", "2")
	o.note(free, dependent{})
	o.note(tied, dependent{on: []component.ID{id("between", "")}})
	o.note(id("between", ""), dependent{on: []component.ID{drain}})
	o.note(circle, dependent{on: []component.ID{other}})
	o.note(other, dependent{on: []component.ID{circle}})
	o.note(id("drain", "2"), dependent{})
	assert.ElementsMatch(t, []component.ID{free, circle, other}, o.Watchers(drain))

	wrapped(t, o)
	assert.Empty(t, o.Watchers(drain), "extensions of the configuration before are forgotten")
}

func TestStorageOf(t *testing.T) {
	for yaml, want := range map[string]string{
		"{endpoint: 'http://x', sending_queue: {storage: file_storage/q}}":               "file_storage/q",
		"{endpoint: 'http://x', sending_queue: {storage: file_storage, enabled: false}}": "",
		"{endpoint: 'http://x', sending_queue: {queue_size: 3}}":                         "",
		"{endpoint: 'http://x'}": "",
	} {
		retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
		require.NoError(t, err)
		conf, err := retrieved.AsConf()
		require.NoError(t, err)
		cfg := otlphttpexporter.NewFactory().CreateDefaultConfig()
		require.NoError(t, conf.Unmarshal(cfg))
		got := storageOf(cfg)
		if want == "" {
			assert.Nil(t, got, yaml)
		} else {
			require.NotNil(t, got, yaml)
			assert.Equal(t, want, got.String())
		}
	}
	assert.Nil(t, storageOf(nopConfig()))
}

func TestItemsIn(t *testing.T) {
	state := func(items, read, write uint64, dispatched ...uint64) (b []byte) {
		for i, v := range []uint64{items, 77, read, write} {
			if v != 0 {
				b = protowire.AppendFixed64(protowire.AppendTag(b, protowire.Number(i+1), protowire.Fixed64Type), v)
			}
		}
		var packed []byte
		for _, d := range dispatched {
			packed = protowire.AppendFixed64(packed, d)
		}
		if len(packed) > 0 {
			b = protowire.AppendBytes(protowire.AppendTag(b, 5, protowire.BytesType), packed)
		}
		return b
	}
	for name, tc := range map[string]struct {
		state []byte
		want  ledger.Count
	}{
		"no state":              {nil, ledger.Known(0)},
		"empty":                 {state(0, 9, 9), ledger.Known(0)},
		"waiting":               {state(50, 3, 4), ledger.Known(50)},
		"on their way":          {state(50, 4, 4, 3), ledger.Known(50)},
		"requests of no size":   {state(0, 3, 4), ledger.Count{}},
		"on their way, no size": {state(0, 4, 4, 3), ledger.Count{}},
		"cut off":               {state(50, 3, 4)[:12], ledger.Count{}},
		"something else":        {[]byte("\xff\xff\xff"), ledger.Count{}},
	} {
		assert.Equal(t, tc.want, itemsIn(tc.state), name)
	}
}

func FuzzItemsIn(f *testing.F) {
	f.Add([]byte("\x09\x01\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(_ *testing.T, state []byte) { itemsIn(state) })
}

type host struct {
	component.Host
	extensions map[component.ID]component.Component
}

func (h host) GetExtensions() map[component.ID]component.Component { return h.extensions }

// TestStockIsReadFromTheStorage leaves points of a real queue in a real storage, twice.
func TestStockIsReadFromTheStorage(t *testing.T) {
	storageID := component.MustNewID("file_storage")
	h := host{componenttest.NewNopHost(), map[component.ID]component.Component{storageID: newStorage(t)}}
	cfg := otlphttpexporter.NewFactory().CreateDefaultConfig().(*otlphttpexporter.Config)
	cfg.ClientConfig.Endpoint = "http://127.0.0.1:1" // nobody is there
	queue := cfg.QueueConfig.GetOrInsertDefault()
	queue.StorageID = &storageID

	o := newOverseer(0)
	for i := range int64(2) {
		f := o.exporterFactory(otlphttpexporter.NewFactory())
		set := exportertest.NewNopSettings(f.Type())
		set.ID = component.NewID(f.Type())
		e, err := f.CreateMetrics(t.Context(), set, cfg)
		require.NoError(t, err)
		require.NoError(t, e.Start(t.Context(), h))
		for range 3 {
			require.NoError(t, e.ConsumeMetrics(t.Context(), points(7)))
		}
		require.NoError(t, e.Shutdown(t.Context()))
		require.NoError(t, e.Shutdown(t.Context()))
		b := o.ledger.Books()
		assert.Equal(t, 21*(i+1), o.value(b.Stored))
		assert.Zero(t, o.value(b.Lost))
		assert.Zero(t, o.value(b.Carried), "the process began with nothing")
	}
	second := newOverseer(0)
	assert.EqualValues(t, 42, second.value(stock(t.Context(), h, storageID, component.MustNewID("otlp_http"))), "what another process would find")
	assert.Equal(t, ledger.Count{}, stock(t.Context(), h, component.MustNewID("none"), component.MustNewID("otlp_http")))
}

func newStorage(t *testing.T) component.Component {
	t.Helper()
	f := filestorage.NewFactory()
	cfg := f.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory = filepath.Clean(t.TempDir())
	ext, err := f.Create(t.Context(), extensiontest.NewNopSettings(f.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, ext.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, ext.Shutdown(context.Background())) })
	return ext
}

// An exporter that confirms nothing has delivered what it took.
func TestExporterWithoutHelper(t *testing.T) {
	o := newOverseer(0)
	sink := &consumertest.MetricsSink{}
	e := end(t, o, func(context.Context, exporter.Settings, component.Config) (exporter.Metrics, error) {
		return struct {
			component.StartFunc
			component.ShutdownFunc
			*consumertest.MetricsSink
		}{MetricsSink: sink}, nil
	})
	require.NoError(t, e.ConsumeMetrics(t.Context(), points(5)))
	assert.EqualValues(t, 5, o.value(o.ledger.Books().Delivered))
}

// Counters must reach whoever reads them, too.
func TestTeeLeavesTheCountersAlone(t *testing.T) {
	tel := componenttest.NewTelemetry()
	defer func() { require.NoError(t, tel.Shutdown(context.Background())) }()
	o := newOverseer(0)
	typ := component.MustNewType("end")
	f := o.exporterFactory(exporter.NewFactory(typ, nopConfig, exporter.WithMetrics(
		func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
			return exporterhelper.NewMetrics(ctx, set, cfg, func(context.Context, pmetric.Metrics) error { return nil })
		}, component.StabilityLevelAlpha)))
	set := exportertest.NewNopSettings(typ)
	set.TelemetrySettings = tel.NewTelemetrySettings()
	e, err := f.CreateMetrics(t.Context(), set, nopConfig())
	require.NoError(t, err)
	require.NoError(t, e.ConsumeMetrics(t.Context(), points(5)))
	_, err = tel.GetMetric("otelcol_exporter_sent_metric_points")
	require.NoError(t, err)
	assert.EqualValues(t, 5, o.value(o.ledger.Books().Delivered))
}
