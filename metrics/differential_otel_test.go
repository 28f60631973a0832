package metrics

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"pgregory.net/rapid"
)

// The oracle of this file is OTel's SDK: the same operations on its instruments give the same data. Ours comes through a
// reader of the SDK too, which takes it from the registry as a producer.

const scopeName = "differential"

// collected is the metrics of the only scope that a reader hands out.
func collected(t require.TestingT, reader sdkmetric.Reader) metricdata.ScopeMetrics {
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(context.Background(), &all))
	require.Len(t, all.ScopeMetrics, 1)
	return all.ScopeMetrics[0]
}

// produced is what a reader gets from instruments of ours.
func produced(t require.TestingT, instruments ...Instrument) metricdata.ScopeMetrics {
	registry := NewRegistry(WithScope(scopeName, ""))
	require.NoError(t, registry.Register(instruments...))
	reader := sdkmetric.NewManualReader(sdkmetric.WithProducer(registry))
	sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)) // the reader refuses to work without one
	return collected(t, reader)
}

func sdk(opts ...sdkmetric.Option) (metric.Meter, sdkmetric.Reader) {
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(append(opts, sdkmetric.WithReader(reader))...)
	return provider.Meter(scopeName), reader
}

func attributesOf(l route) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("method", l.Method), attribute.String("code", l.Code))
}

func TestSameDataAsOTel(t *testing.T) {
	ctx := t.Context()
	meter, reader := sdk(sdkmetric.WithCardinalityLimit(4))
	must := func(err error) { require.NoError(t, err) }
	theirCounter, err := meter.Int64Counter("http.requests", metric.WithDescription("Requests."), metric.WithUnit("{request}"))
	must(err)
	theirFloat, err := meter.Float64Counter("cpu.time", metric.WithUnit("s"))
	must(err)
	theirGauge, err := meter.Float64Gauge("queue")
	must(err)
	theirInteger, err := meter.Int64Gauge("level")
	must(err)
	theirHistogram, err := meter.Float64Histogram("latency", metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(0.5, 1, 8))
	must(err)
	theirSizes, err := meter.Int64Histogram("size", metric.WithExplicitBucketBoundaries(-5, 0, 10))
	must(err)

	limit := WithSeriesLimit(4)
	counter := Must(NewCounterVec[uint32, route]("http.requests", "Requests.", nil, Constraints[uint32]{}, WithUnit("{request}"), limit))
	float := Must(NewCounterVec[float64, route]("cpu.time", "", nil, Constraints[float64]{}, WithUnit("s"), limit))
	gauge := Must(NewGaugeVec[float64, route]("queue", "", nil, Constraints[float64]{}, limit))
	integer := Must(NewGaugeVec[int8, route]("level", "", nil, Constraints[int8]{}, limit))
	histogram := Must(NewHistogramVec[float64, route]("latency", "", nil, Constraints[float64]{}, WithUnit("s"), WithBounds(0.5, 1, 8), limit))
	sizes := Must(NewHistogramVec[int16, route]("size", "", nil, Constraints[int16]{}, WithBounds(-5, 0, 10), limit))

	// Five routes: the limit leaves out two of them.
	for i, l := range []route{{"GET", "200"}, {"PUT", "404"}, {"", "500"}, {"HEAD", "200"}, {"GET", "503"}} {
		with := attributesOf(l)
		for j := range 24 {
			eighths := float64(i*j) / 8
			theirCounter.Add(ctx, int64(j), with)
			counter.With(l).Add(uint32(j))
			theirFloat.Add(ctx, eighths, with)
			float.With(l).Add(eighths)
			theirGauge.Record(ctx, -eighths, with)
			gauge.With(l).Set(-eighths)
			theirInteger.Record(ctx, int64(-j), with)
			integer.With(l).Set(int8(-j))
			theirHistogram.Record(ctx, eighths, with)
			histogram.With(l).Observe(eighths)
			theirSizes.Record(ctx, int64(j-12), with)
			sizes.With(l).Observe(int16(j - 12))
		}
	}
	metricdatatest.AssertEqual(t, collected(t, reader), produced(t, counter, float, gauge, integer, histogram, sizes),
		metricdatatest.IgnoreTimestamp())
}

// TestSameExponentialHistograms draws values of all magnitudes, so that the resolution is halved, more than once and by
// several collections.
func TestSameExponentialHistograms(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		maxSize := rapid.SampledFrom([]int32{160, 200, 20}).Draw(rt, "buckets")
		scale := rapid.Int32Range(-2, 8).Draw(rt, "scale")
		meter, reader := sdk(sdkmetric.WithView(sdkmetric.NewView(sdkmetric.Instrument{Name: "*"}, sdkmetric.Stream{
			Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: maxSize, MaxScale: scale},
		})))
		theirs, err := meter.Float64Histogram("h")
		require.NoError(rt, err)
		theirIntegers, err := meter.Int64Histogram("i")
		require.NoError(rt, err)
		buckets := WithExponentialBuckets(ExponentialBuckets{
			Factor: math.Exp2(math.Ldexp(1, int(-scale))) * (1 + 4*ulp), MaxBuckets: int(maxSize), ZeroThreshold: -1,
		})
		ours := Must(NewHistogram[float64]("h", "", nil, Constraints[float64]{}, buckets))
		integers := Must(NewHistogram[int64]("i", "", nil, Constraints[int64]{}, buckets))

		// The SDK's logarithm is not exact at bounds of buckets: values are beside them, and of few digits, so that sums are
		// exact.
		value := rapid.Custom(func(t *rapid.T) float64 {
			mantissa := float64(rapid.SampledFrom([]int{0, 1025, -1031, 1291, 1535, -1801, 2047}).Draw(t, "mantissa"))
			return math.Ldexp(mantissa, rapid.IntRange(-16, 14).Draw(t, "exponent"))
		})
		for range rapid.IntRange(1, 3).Draw(rt, "collections") {
			list := rapid.SliceOfN(value, 1, 50).Draw(rt, "values")
			for _, v := range list {
				theirs.Record(t.Context(), v)
				ours.Observe(v)
				theirIntegers.Record(t.Context(), int64(v))
				integers.Observe(int64(v))
			}
			metricdatatest.AssertEqual(t, collected(rt, reader), produced(rt, ours, integers), metricdatatest.IgnoreTimestamp())
			if t.Failed() {
				rt.FailNow()
			}
		}
	})
}
