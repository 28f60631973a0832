package scrape_test

import (
	"bytes"
	"math"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/value"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/prototext"
)

// protobufPages turns families in the text form of protobuf into pages.
func protobufPages(families ...[]string) []page {
	pages := make([]page, len(families))
	for i, texts := range families {
		var buf bytes.Buffer
		for _, text := range texts {
			var mf dto.MetricFamily
			if err := prototext.Unmarshal([]byte(text), &mf); err != nil {
				panic(err)
			}
			_, _ = protodelim.MarshalTo(&buf, &mf)
		}
		pages[i] = page{contentType: protobufType, body: buf.String()}
	}
	return pages
}

const (
	protoCounter = `name: "c_total" type: COUNTER help: "x" metric { label { name: "a" value: "b" } counter { value: 3
		created_timestamp { seconds: 1700000000 nanos: 500000000 }
		exemplar { label { name: "trace_id" value: "0af7651916cd43dd8448eb211c80319c" } value: 1 timestamp { seconds: 1700000001 } } } }`
	protoCounters = `name: "c_total" type: COUNTER
		metric { label { name: "a" value: "1" } counter { value: 3 created_timestamp { seconds: 1700000000 } } }
		metric { label { name: "a" value: "2" } counter { value: 2 created_timestamp { seconds: 1700000001 } } }
		metric { label { name: "a" value: "3" } counter { value: 3 created_timestamp { seconds: 1700000002 } } }`
	protoGauge   = `name: "g" type: GAUGE metric { gauge { value: 1.5 } } metric { label { name: "a" value: "" } gauge { value: 2 } timestamp_ms: 1700000000000 }`
	protoSummary = `name: "s" type: SUMMARY metric { summary { sample_count: 3 sample_sum: 5 quantile { quantile: 0.5 value: 1 } quantile { quantile: 0.99 value: nan } } }`
	protoUntyped = `name: "u" type: UNTYPED metric { untyped { value: -1 } }`
	protoClassic = `name: "h" type: HISTOGRAM metric { histogram { sample_count: 3 sample_sum: 5 created_timestamp { seconds: 1700000000 }
		bucket { cumulative_count: 1 upper_bound: 0.5 exemplar { label { name: "x" value: "y" } value: 0.25 } } bucket { cumulative_count: 2 upper_bound: 1000 } } }`
	protoNative = `name: "n" type: HISTOGRAM metric { label { name: "a" value: "b" } histogram { sample_count: 12 sample_sum: 5.5
		schema: 3 zero_threshold: 0.001 zero_count: 2 created_timestamp { seconds: 1700000000 }
		positive_span { offset: -1 length: 2 } positive_span { offset: 3 length: 1 } positive_delta: 2 positive_delta: 1 positive_delta: -1
		negative_span { offset: 2 length: 1 } negative_delta: 3
		exemplars { label { name: "x" value: "y" } value: 1 timestamp { seconds: 1700000001 } } exemplars { label { name: "x" value: "z" } value: 1 } } }`
	protoNativeLater = `name: "n" type: HISTOGRAM metric { label { name: "a" value: "b" } histogram { sample_count: 14 sample_sum: 7.5
		schema: 3 zero_threshold: 0.001 zero_count: 2
		positive_span { offset: -1 length: 3 } positive_span { offset: 2 length: 1 } positive_delta: 2 positive_delta: 1 positive_delta: -1 positive_delta: 0
		negative_span { offset: 2 length: 1 } negative_delta: 3 } }`
	protoBoth = `name: "b" type: HISTOGRAM metric { histogram { sample_count: 3 sample_sum: 5 schema: 0 zero_threshold: 1e-128
		positive_span { offset: 0 length: 1 } positive_delta: 3 bucket { cumulative_count: 1 upper_bound: 0.5 } bucket { cumulative_count: 3 upper_bound: 1 } } }`
	protoNothingYet   = `name: "n" type: HISTOGRAM metric { histogram { schema: 3 zero_threshold: 0.001 positive_span { offset: 0 length: 0 } } }`
	protoFloat        = `name: "f" type: HISTOGRAM metric { histogram { sample_count_float: 2.5 sample_sum: 5 schema: 0 zero_threshold: 0.001 zero_count_float: 0.5 positive_span { length: 1 } positive_count: 2 } }`
	protoGaugeNative  = `name: "gn" type: GAUGE_HISTOGRAM metric { histogram { sample_count: 2 sample_sum: 5 schema: 0 zero_threshold: 0.001 positive_span { length: 1 } positive_delta: 2 } }`
	protoGaugeClassic = `name: "gc" type: GAUGE_HISTOGRAM metric { histogram { sample_count: 2 sample_sum: 5 bucket { cumulative_count: 2 upper_bound: 1 } } }`
	protoHuge         = `name: "n" type: HISTOGRAM metric { histogram { sample_count: 2 sample_sum: 5 schema: 8 zero_threshold: 0.001
		positive_span { offset: -1000 length: 1 } positive_span { offset: 3000 length: 1 } positive_delta: 1 positive_delta: 0 } }`
	native = "scrape_native_histograms: true"
)

var protobufScripts = map[string]lockstep{
	"all types":      {pages: protobufPages([]string{protoCounter, protoGauge, protoSummary, protoUntyped, protoClassic}, []string{protoGauge}, nil)},
	"a family twice": {differs: []difference{twiceTheSame}, pages: protobufPages([]string{protoGauge, protoGauge, protoUntyped}, []string{protoUntyped})},
	"starts of duplicates": {
		differs: []difference{twiceTheSame}, job: `metric_relabel_configs: [{regex: a, action: labeldrop}]`,
		pages: protobufPages([]string{protoCounters}, []string{protoUntyped}),
	},
	"native histograms, not asked for": {pages: protobufPages([]string{protoNative, protoBoth}, []string{protoUntyped})},
	"native histograms": {job: native, pages: protobufPages([]string{protoNative, protoBoth, protoClassic}, []string{protoNativeLater, protoBoth}, []string{protoUntyped},
		[]string{protoNothingYet, protoNative}, []string{protoClassic})},
	"always_scrape_classic_histograms": {
		job:   native + "\nalways_scrape_classic_histograms: true",
		pages: protobufPages([]string{protoNative, protoBoth, protoClassic}, []string{protoBoth}, []string{protoUntyped}),
	},
	"native_histogram_bucket_limit": {job: native + "\nnative_histogram_bucket_limit: 3", pages: protobufPages([]string{protoUntyped}, []string{protoNative, protoUntyped}, []string{protoUntyped})},
	"native_histogram_bucket_limit, too low": {
		job:   native + "\nnative_histogram_bucket_limit: 1",
		pages: protobufPages([]string{protoUntyped, protoHuge}, []string{protoNative, protoUntyped}, []string{protoUntyped}),
	},
	"native_histogram_min_bucket_factor": {job: native + "\nnative_histogram_min_bucket_factor: 1.5", pages: protobufPages([]string{protoNative}, []string{protoNativeLater}, nil)},
	"wide native histograms":             {job: native, pages: protobufPages([]string{protoHuge}, nil)},
	"native histograms of floats":        {job: native, pages: protobufPages([]string{protoFloat, protoUntyped}, []string{protoUntyped}), differs: []difference{floatHistogramDropped}},
	"gauge histograms": {
		job: native, pages: protobufPages([]string{protoGaugeNative, protoGaugeClassic, protoUntyped}, []string{protoUntyped}),
		differs: []difference{gaugeHistogramDropped}, families: map[string]model.MetricType{"gc": model.MetricTypeGaugeHistogram},
	},
	"to nhcb": {
		job: native + "\nconvert_classic_histograms_to_nhcb: true", customBuckets: true,
		pages: protobufPages([]string{protoClassic, protoNative, protoBoth}, []string{protoClassic}, []string{protoUntyped}),
	},
	"honor_timestamps": {differs: []difference{twiceTheSame}, job: "honor_timestamps: false", pages: protobufPages([]string{protoGauge}, nil)},
	"broken": {
		pages: append(protobufPages([]string{protoGauge, protoUntyped}), cutPage(protobufPages([]string{protoGauge, protoUntyped})[0], 3),
			page{contentType: protobufType, body: "\xff\xff\xff\xff\x0f"}, page{contentType: protobufType, body: "a 1\n"}, protobufPages([]string{protoUntyped})[0]),
		differs: []difference{marksOfFailures},
	},
	"a staleness marker on the page": {pages: []page{staleValue(), staleValue(), protobufPages([]string{protoUntyped})[0]}},
}

func cutPage(p page, n int) page {
	p.body = p.body[:len(p.body)-n]
	return p
}

// staleValue is a page with a gauge that is a staleness marker.
func staleValue() page {
	var buf bytes.Buffer
	_, _ = protodelim.MarshalTo(&buf, &dto.MetricFamily{Name: new("g"), Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{
		{Gauge: &dto.Gauge{Value: new(math.Float64frombits(value.StaleNaN))}},
		{Label: []*dto.LabelPair{{Name: new("a"), Value: new("b")}}, Gauge: &dto.Gauge{Value: new(1.0)}},
	}})
	return page{contentType: protobufType, body: buf.String()}
}

func TestLockstepOfProtobuf(t *testing.T) { runAll(t, protobufScripts) }
