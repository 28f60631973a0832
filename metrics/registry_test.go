package metrics

import (
	"context"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// shop is an instrument of each kind, with values.
func shop() []Instrument {
	requests := Must(NewCounterVec[int64, route]("http.requests", "Requests served.", Labels{"app": "shop"}, Constraints[int64]{}, WithUnit("{request}")))
	requests.With(route{"GET", "200"}).Add(3)
	queue := Must(NewGauge[float64]("queue.fill", "How full the queue is.", nil, Constraints[float64]{}, WithUnit("1")))
	queue.Set(0.25)
	latency := Must(NewHistogram[float64]("http.duration", "Latency.", nil, Constraints[float64]{}, WithUnit("s")))
	latency.Observe(0.3)
	sizes := Must(NewHistogram[int64]("http.size", "Sizes.", nil, Constraints[int64]{}, WithUnit("By"), WithExponentialBuckets(ExponentialBuckets{})))
	sizes.Observe(1500)
	sizes.Observe(0)
	sizes.Observe(-3)
	pauses := Must(NewSummary[float64]("gc.pause", "Pauses.", nil, Constraints[float64]{}, WithUnit("s")))
	pauses.Observe(0.002)
	return []Instrument{requests, queue, latency, sizes, pauses}
}

func TestLintFindsNothing(t *testing.T) {
	problems, err := testutil.CollectAndLint(registryOf(t, shop()...))
	require.NoError(t, err)
	assert.Empty(t, problems)

	linter := promlint.New(strings.NewReader(page(t, registryOf(t, shop()...), formats[0])))
	problems, err = linter.Lint()
	require.NoError(t, err)
	assert.Empty(t, problems)
}

// parse reads a page with Prometheus' own parser and returns its series, native histograms included.
func parse(t *testing.T, text, contentType string) map[string]float64 {
	t.Helper()
	parser, err := textparse.New([]byte(text), contentType, labels.NewSymbolTable(), textparse.ParserOptions{})
	require.NoError(t, err)
	values := map[string]float64{}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return values
		}
		require.NoError(t, err)
		var l labels.Labels
		switch entry {
		case textparse.EntrySeries:
			_, _, v := parser.Series()
			parser.Labels(&l)
			values[l.String()] = v
		case textparse.EntryHistogram:
			_, _, h, _ := parser.Histogram()
			require.NoError(t, h.Validate())
			parser.Labels(&l)
			values[l.String()] = float64(h.Count)
		default:
		}
	}
}

func TestPrometheusReadsThePages(t *testing.T) {
	registry := registryOf(t, shop()...)
	for _, format := range formats[:3] {
		values := parse(t, page(t, registry, format), strings.SplitN(format, "; encoding", 2)[0])
		assert.InDelta(t, 3, values[`{__name__="http_requests_total", app="shop", code="200", method="GET"}`], 0)
		assert.InDelta(t, 0.25, values[`{__name__="queue_fill_ratio"}`], 0)
		assert.InDelta(t, 1, values[`{__name__="http_duration_seconds_count"}`], 0)
		assert.InDelta(t, 0.002, values[`{__name__="gc_pause_seconds", quantile="0.5"}`], 0.002*DefaultRelativeError)
	}
	native := parse(t, page(t, registry, formats[2]), "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily")
	assert.InDelta(t, 3, native[`{__name__="http_size_bytes"}`], 0)
}

func TestDropsAreSeen(t *testing.T) {
	c := Must(NewCounter("c", "h", nil, Constraints[float64]{Max: new(float64(1))}))
	registry := registryOf(t, append(shop(), c)...)
	assert.NotContains(t, page(t, registry, formats[0]), "sluice_instrument_dropped")
	c.Add(2)
	c.Add(math.NaN())
	c.Add(3)
	values := parse(t, page(t, registry, formats[1]), "application/openmetrics-text; version=1.0.0")
	assert.InDelta(t, 2, values[`{__name__="sluice_instrument_dropped_total", instrument="c", reason="above_max"}`], 0)
	assert.InDelta(t, 1, values[`{__name__="sluice_instrument_dropped_total", instrument="c", reason="nan"}`], 0)
	problems, err := testutil.CollectAndLint(registry)
	require.NoError(t, err)
	assert.Empty(t, problems)

	scope, err := registry.Produce(t.Context())
	require.NoError(t, err)
	last := scope[0].Metrics[len(scope[0].Metrics)-1]
	assert.Equal(t, "sluice.instrument.dropped", last.Name)
	assert.Len(t, last.Data.(metricdata.Sum[int64]).DataPoints, 2)
}

func counter(name string, opts ...Option) Instrument {
	return Must(NewCounter[int64](name, "h", nil, Constraints[int64]{}, opts...))
}

func TestNamesThatAreTaken(t *testing.T) {
	registry := registryOf(t, counter("a.b"), counter("size", WithUnit("By")))
	registry.MustRegister(Must(NewHistogram[float64]("h", "h", nil, Constraints[float64]{})))
	gauge := func(name string) Instrument { return Must(NewGauge[int64](name, "h", nil, Constraints[int64]{})) }
	good := gauge("good")
	err := registry.Register(counter("a.b"), counter("a_b"), gauge("a_b_total"), gauge("a.b"), counter("size.bytes"),
		gauge("h.count"), gauge("h.bucket"), gauge("sluice.instrument.dropped.total"), good)
	require.Error(t, err)
	assert.Len(t, strings.Split(err.Error(), "\n"), 8)
	require.ErrorContains(t, err, `gauge "h.count": instrument "h" has the name "h_count" already`)
	assert.Contains(t, page(t, registry, formats[0]), "good 0", "the others are registered")
	assert.Panics(t, func() { registry.MustRegister(good) })

	assert.True(t, registry.Unregister(good))
	assert.False(t, registry.Unregister(good))
	require.NoError(t, registry.Register(gauge("good")))
}

func TestEmptyRegistry(t *testing.T) {
	registry := NewRegistry()
	scopes, err := registry.Produce(t.Context())
	require.NoError(t, err)
	assert.Empty(t, scopes)
	assert.Empty(t, page(t, registry, formats[0]))
	assert.Equal(t, "# EOF\n", page(t, registry, formats[1]))

	require.NoError(t, registry.Register(
		Must(NewCounterVec[int64, route]("a", "h", nil, Constraints[int64]{})), Must(NewGaugeVec[int64, route]("b", "h", nil, Constraints[int64]{})),
		Must(NewHistogramVec[int64, route]("c", "h", nil, Constraints[int64]{})), Must(NewSummaryVec[int64, route]("d", "h", nil, Constraints[int64]{}))))
	scopes, err = registry.Produce(t.Context())
	require.NoError(t, err)
	assert.Empty(t, scopes, "a Vec without series has no metric")
}

// memory is an exporter that keeps what it gets.
type memory struct {
	sdkmetric.Exporter
	got chan metricdata.ResourceMetrics
}

func (*memory) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.CumulativeTemporality
}

func (*memory) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}

func (m *memory) Export(_ context.Context, r *metricdata.ResourceMetrics) error {
	m.got <- *r
	return nil
}

func (*memory) ForceFlush(context.Context) error { return nil }
func (*memory) Shutdown(context.Context) error   { return nil }

func TestPeriodicReaderTakesTheRegistry(t *testing.T) {
	m := &memory{got: make(chan metricdata.ResourceMetrics, 2)}
	registry := NewRegistry(WithScope("shop", "1.2"))
	registry.MustRegister(shop()...)
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(
		sdkmetric.NewPeriodicReader(m, sdkmetric.WithInterval(time.Hour), sdkmetric.WithProducer(registry))))
	require.NoError(t, provider.Shutdown(t.Context()))
	got := <-m.got
	require.Len(t, got.ScopeMetrics, 1)
	assert.Equal(t, "shop", got.ScopeMetrics[0].Scope.Name)
	assert.Equal(t, "1.2", got.ScopeMetrics[0].Scope.Version)
	var names []string
	for _, metric := range got.ScopeMetrics[0].Metrics {
		names = append(names, metric.Name+" "+metric.Unit)
	}
	assert.Equal(t, []string{"http.requests {request}", "queue.fill 1", "http.duration s", "http.size By", "gc.pause s"}, names)
	assert.IsType(t, metricdata.Sum[int64]{}, got.ScopeMetrics[0].Metrics[0].Data)
	assert.IsType(t, metricdata.ExponentialHistogram[int64]{}, got.ScopeMetrics[0].Metrics[3].Data)
}

// A registry in a registry of client_golang's, with labels of its own.
func TestWrappedByClientGolang(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, prometheus.WrapRegistererWith(prometheus.Labels{"region": "eu"}, registry).Register(registryOf(t, shop()...)))
	require.NoError(t, registry.Register(registryOf(t, counter("other"))))
	families, err := registry.Gather()
	require.NoError(t, err)
	assert.Len(t, families, 6)
}

// FuzzPage looks for names, labels and values with which a page is not one that Prometheus reads.
func FuzzPage(f *testing.F) {
	f.Add("http.requests", "Help \\ \n", "{request}", "http.route", "a\"\\\n\xff", 1.5)
	f.Add("a", "", "1", "_", "", math.Inf(-1))
	f.Fuzz(func(t *testing.T, name, help, unit, label, value string, v float64) {
		own := Labels{label: value}
		c, errC := NewCounter[float64](name, help, own, Constraints[float64]{}, WithUnit(unit))
		g, errG := NewGaugeVec[float64, fancy](name+".g", help, own, Constraints[float64]{}, WithUnit(unit))
		h, errH := NewHistogram[float64](name+".h", help, own, Constraints[float64]{}, WithUnit(unit), WithExponentialBuckets(ExponentialBuckets{}))
		s, errS := NewSummary[float64](name+".s", help, own, Constraints[float64]{}, WithUnit(unit))
		if errors.Join(errC, errG, errH, errS) != nil {
			return
		}
		registry := NewRegistry()
		if registry.Register(c, g, h, s) != nil {
			return
		}
		c.Add(v)
		g.With(fancy{named(value)}).Set(v)
		h.Observe(v)
		s.Observe(v)
		for _, format := range formats[:3] {
			values := parse(t, page(t, registry, format), strings.SplitN(format, "; encoding", 2)[0])
			require.GreaterOrEqual(t, len(values), 6, strconv.Itoa(len(values)))
		}
		_, err := registry.Produce(t.Context())
		require.NoError(t, err)
	})
}
