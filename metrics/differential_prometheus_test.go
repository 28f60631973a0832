package metrics

import (
	"bytes"
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"pgregory.net/rapid"
)

// The oracle of this file is client_golang: the same operations on its instruments give the same pages. Times are equal
// since both are made in a bubble whose clock stands still.

// formats are all that promhttp can be asked for.
var formats = []string{
	"text/plain; version=0.0.4",
	"application/openmetrics-text; version=1.0.0",
	"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
	"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=text",
}

// page is what promhttp serves of a collector.
func page(t require.TestingT, c prometheus.Collector, accept string) string {
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(c))
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, EnableOpenMetricsTextCreatedSamples: true, ErrorHandling: promhttp.HTTPErrorOnError,
	})
	request := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/metrics", http.NoBody)
	request.Header.Set("Accept", accept)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	require.Equal(t, http.StatusOK, recorder.Code, recorder.Body)
	require.Contains(t, recorder.Header().Get("Content-Type"), accept[:20])
	return recorder.Body.String()
}

// several is a collector of several.
type several []prometheus.Collector

func (s several) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range s {
		c.Describe(ch)
	}
}

func (s several) Collect(ch chan<- prometheus.Metric) {
	for _, c := range s {
		c.Collect(ch)
	}
}

func samePages(t require.TestingT, theirs, ours prometheus.Collector) {
	for _, format := range formats {
		require.Equal(t, page(t, theirs, format), page(t, ours, format))
	}
}

func registryOf(t require.TestingT, instruments ...Instrument) *Registry {
	r := NewRegistry()
	require.NoError(t, r.Register(instruments...))
	return r
}

func TestSamePagesAsClientGolang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fixed := prometheus.Labels{"zone": "eu\n\"1\"", "app": "shop"}
		names := []string{"method", "code"}
		theirCounter := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total", Help: "Requests \\ served.", ConstLabels: fixed}, names)
		theirFloat := prometheus.NewCounter(prometheus.CounterOpts{Name: "cpu_seconds_total", Help: "CPU.", Unit: "seconds"})
		theirGauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "queue", Help: "Queue.", ConstLabels: fixed}, names)
		theirHistogram := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "latency_seconds", Help: "Latency.", Unit: "seconds"}, names)
		theirIntegers := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "sizes", Help: "Sizes.", Buckets: []float64{-5, 0, 10}})
		theirEmpty := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "empty", Help: "No observations.", NativeHistogramBucketFactor: 1.1, NativeHistogramZeroThreshold: -1})
		theirSummary := prometheus.NewSummary(prometheus.SummaryOpts{Name: "pause", Help: "Nothing of late.", Objectives: map[float64]float64{0.5: 0.05, 0.99: 0.001}})

		own := Labels{"zone": "eu\n\"1\"", "app": "shop"}
		counter := Must(NewCounterVec[int64, route]("requests", "Requests \\ served.", own, Constraints[int64]{}))
		float := Must(NewCounter[float64]("cpu", "CPU.", nil, Constraints[float64]{}, WithUnit("s")))
		gauge := Must(NewGaugeVec[float64, route]("queue", "Queue.", own, Constraints[float64]{}))
		histogram := Must(NewHistogramVec[float64, route]("latency", "Latency.", nil, Constraints[float64]{}, WithUnit("s")))
		integers := Must(NewHistogram[int32]("sizes", "Sizes.", nil, Constraints[int32]{}, WithBounds(-5, 0, 10)))
		empty := Must(NewHistogram[float64]("empty", "No observations.", nil, Constraints[float64]{}, WithExponentialBuckets(ExponentialBuckets{ZeroThreshold: -1})))
		summary := Must(NewSummary[float64]("pause", "Nothing of late.", nil, Constraints[float64]{}, WithQuantiles(0.99, 0.5)))

		for i, l := range []route{{"GET", "200"}, {"GET", "500"}, {"", "404"}, {"PÜT", "2\\0\""}} {
			for j := range 20 {
				v := float64(j*i) / 7
				theirCounter.WithLabelValues(l.Method, l.Code).Add(float64(j))
				counter.With(l).Add(int64(j))
				theirGauge.WithLabelValues(l.Method, l.Code).Add(v)
				gauge.With(l).Add(v)
				theirHistogram.WithLabelValues(l.Method, l.Code).Observe(v)
				histogram.With(l).Observe(v)
				theirFloat.Add(v)
				float.Add(v)
				theirIntegers.Observe(float64(j - 10))
				integers.Observe(int32(j - 10))
			}
		}
		for i, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -0.1} {
			l := route{"odd", string(rune('a' + i))}
			theirGauge.WithLabelValues(l.Method, l.Code).Set(v)
			gauge.With(l).Set(v)
		}
		theirs := several{theirCounter, theirFloat, theirGauge, theirHistogram, theirIntegers, theirEmpty, theirSummary}
		samePages(t, theirs, registryOf(t, counter, float, gauge, histogram, integers, empty, summary))
	})
}

// TestSameNativeHistograms draws factors, and observations that need no halving of the resolution.
func TestSameNativeHistograms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		factor := rapid.SampledFrom([]float64{1.002, 1.01, 1.1, 1.5, 2, 4, 100, 70000}).Draw(t, "factor")
		zero := rapid.SampledFrom([]float64{0, -1, 0.5}).Draw(t, "zero threshold")
		theirs := prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "h", Help: "h", NativeHistogramBucketFactor: factor, NativeHistogramZeroThreshold: zero,
		})
		ours := Must(NewHistogram[float64]("h", "h", nil, Constraints[float64]{}, WithExponentialBuckets(ExponentialBuckets{
			Factor: factor, ZeroThreshold: zero, MaxBuckets: maxBucketsLimit,
		})))
		registry := registryOf(t, ours)
		for range rapid.IntRange(1, 4).Draw(t, "scrapes") {
			for _, v := range rapid.SliceOfN(observation(), 0, 60).Draw(t, "observations") {
				theirs.Observe(v)
				ours.Observe(v)
			}
			require.Equal(t, timeless(t, theirs), timeless(t, registry))
		}
	})
}

// timeless is the only family of a collector without its created time.
func timeless(t require.TestingT, c prometheus.Collector) string {
	family := only(t, c)
	family.Metric[0].Histogram.CreatedTimestamp = nil
	return prototext.Format(family)
}

func only(t require.TestingT, c prometheus.Collector) *dto.MetricFamily {
	decoder := expfmt.NewDecoder(bytes.NewBufferString(page(t, c, formats[2])), expfmt.NewFormat(expfmt.TypeProtoDelim))
	var family dto.MetricFamily
	require.NoError(t, decoder.Decode(&family))
	require.Len(t, family.Metric, 1)
	return &family
}

// observation is a multiple of an eighth, whose sums are exact in any order, often on a bucket's bound.
func observation() *rapid.Generator[float64] {
	return rapid.Custom(func(t *rapid.T) float64 {
		if rapid.Bool().Draw(t, "power") {
			return math.Ldexp(float64(rapid.IntRange(-1, 1).Draw(t, "sign")), rapid.IntRange(-3, 20).Draw(t, "exponent"))
		}
		return float64(rapid.IntRange(-80000, 80000).Draw(t, "eighths")) / 8
	})
}

// What is beside any bound of any schema goes into the same bucket as client_golang's tables say, which are up to two units
// in the last place off; powers of two are exact in both.
func TestSameNativeBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for scale := coarsestScale; scale <= finestScale; scale++ {
			factor := math.Exp2(math.Ldexp(1, -scale)) * 1.0000001
			theirs := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Help: "h", NativeHistogramBucketFactor: factor})
			ours := Must(NewHistogram[float64]("h", "h", nil, Constraints[float64]{},
				WithExponentialBuckets(ExponentialBuckets{Factor: factor, MaxBuckets: maxBucketsLimit})))
			shift := uint8(finestScale - scale)
			require.Equal(t, shift, ours.recorder.plan.shift)
			for index := int32(-3 * perOctave); index <= 3*perOctave; index++ {
				bound := lowerBound(index, shift)
				if bound < 1e-30 || bound > 1e30 {
					continue
				}
				for _, v := range []float64{bound * (1 - 4*ulp), bound * (1 + 4*ulp), math.Ldexp(1, int(index)/perOctave)} {
					theirs.Observe(v)
					ours.Observe(v)
				}
			}
			assert.Equal(t, native(t, theirs), native(t, registryOf(t, ours)), "scale %d", scale)
		}
	})
}

const ulp = 0x1p-52

// native is the histogram without its sum, whose last digits depend on the order of additions.
func native(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	family := only(t, c)
	family.Metric[0].Histogram.SampleSum = nil
	return prototext.Format(family)
}

// Prometheus' text page of what OTel would call by another name has the name that Sluice's exporter gives it.
func TestNamesInPrometheus(t *testing.T) {
	for _, tt := range []struct {
		instrument Instrument
		want       string
	}{
		{Must(NewCounter[int64]("http.requests", "h", nil, Constraints[int64]{}, WithUnit("{request}"))), "http_requests_total"},
		{Must(NewCounter[int64]("io_total", "h", nil, Constraints[int64]{}, WithUnit("By"))), "io_bytes_total"},
		{Must(NewGauge[float64]("ratio", "h", nil, Constraints[float64]{}, WithUnit("1"))), "ratio"},
		{Must(NewGauge[float64]("fill", "h", nil, Constraints[float64]{}, WithUnit("1"))), "fill_ratio"},
		{Must(NewGauge[float64]("speed", "h", nil, Constraints[float64]{}, WithUnit("By/s"))), "speed_bytes_per_second"},
		{Must(NewHistogram[float64]("http.server.duration", "h", nil, Constraints[float64]{}, WithUnit("s"))), "http_server_duration_seconds"},
		{Must(NewSummary[float64]("gc-pause/x", "h", nil, Constraints[float64]{}, WithUnit("ms"))), "gc_pause_x_milliseconds"},
	} {
		assert.Contains(t, page(t, registryOf(t, tt.instrument), formats[0]), "# TYPE "+tt.want+" ")
		assert.True(t, model.LegacyValidation.IsValidMetricName(tt.want))
	}
}

func TestCreatedTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vec := Must(NewCounterVec[int64, route]("c", "h", nil, Constraints[int64]{}))
		time.Sleep(90 * time.Second) // in the bubble
		vec.With(route{"a", "b"}).Inc()
		assert.Contains(t, page(t, registryOf(t, vec), formats[1]), `c_created{code="b",method="a"} 9.4668489e+08`)
	})
}
