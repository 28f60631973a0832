package promotlp

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestRules has a page for each rule of the compatibility specification, and what must become of it.
func TestRules(t *testing.T) {
	for name, c := range map[string]struct {
		page, contentType string
		want              []string
	}{
		"gauge":                  {"# TYPE g gauge\ng 1\n", text, []string{"g gauge/gauge 1"}},
		"counter keeps its name": {"# TYPE c_total counter\nc_total 1\n", text, []string{"c_total sum+/counter 1"}},
		"without type":           {"u 1\n", text, []string{"u gauge/unknown 1"}},
		"info is a sum":          {"# TYPE i info\ni_info{a=\"b\"} 1\n# EOF\n", openText, []string{"i_info sum/info {a=b} 1"}},
		"stateset is a sum":      {"# TYPE s stateset\ns{s=\"on\"} 1\n# EOF\n", openText, []string{"s sum/stateset {s=on} 1"}},
		"created of a counter": {
			"# TYPE c counter\nc_total 1\nc_created 900.5\n# EOF\n", openText, []string{"c_total sum+/counter 1 since=900.5"},
		},
		"created alone":       {"# TYPE c counter\nc_created 900\n# EOF\n", openText, nil},
		"created in future":   {"# TYPE c counter\nc_total 1\nc_created 1001\n# EOF\n", openText, []string{"c_total sum+/counter 1"}},
		"created is NaN":      {"# TYPE c counter\nc_total 1\nc_created NaN\n# EOF\n", openText, []string{"c_total sum+/counter 1"}},
		"created is negative": {"# TYPE c counter\nc_total 1\nc_created -5\n# EOF\n", openText, []string{"c_total sum+/counter 1"}},
		"created of a histogram": {
			"# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 2\nh_created 900\n# EOF\n", openText,
			[]string{"h histogram/histogram count=1 sum=2 bounds=[] counts=[1] since=900"},
		},
		"created of a summary": {
			"# TYPE s summary\ns_count 1\ns_sum 2\ns_created 900\n# EOF\n", openText, []string{"s summary/summary count=1 sum=2 [] since=900"},
		},
		"histogram": {
			"# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n", text,
			[]string{"h histogram/histogram count=3 sum=4 bounds=[1] counts=[2 1]"},
		},
		"histogram without sum": {
			"# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_count 3\n", text, []string{"h histogram/histogram count=3 bounds=[1] counts=[2 1]"},
		},
		"histogram without count": {"# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_sum 3\n", text, nil},
		"buckets in disorder": {
			"# TYPE h histogram\nh_count 6\nh_bucket{le=\"9\"} 5\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"3\"} 4\n", text,
			[]string{"h histogram/histogram count=6 bounds=[1 3 9] counts=[2 2 1 1]"},
		},
		"buckets that fall": {
			"# TYPE h histogram\nh_bucket{le=\"1\"} 5\nh_bucket{le=\"2\"} 3\nh_count 5\n", text,
			[]string{"h histogram/histogram count=5 bounds=[1 2] counts=[5 0 0]"},
		},
		"count below the buckets": {
			"# TYPE h histogram\nh_bucket{le=\"1\"} 5\nh_count 3\n", text, []string{"h histogram/histogram count=5 bounds=[1] counts=[5 0]"},
		},
		"fractions":      {"# TYPE h histogram\nh_bucket{le=\"1\"} 1.6\nh_count 3.4\n", text, []string{"h histogram/histogram count=3 bounds=[1] counts=[2 1]"}},
		"NaN bucket":     {"# TYPE h histogram\nh_bucket{le=\"1\"} NaN\nh_count 3\n", text, nil},
		"negative count": {"# TYPE h histogram\nh_count -3\n", text, nil},
		"summary": {
			"# TYPE s summary\ns{quantile=\"0.9\"} 2\ns{quantile=\"0.5\"} 1\ns_sum 3\ns_count 4\n", text,
			[]string{"s summary/summary count=4 sum=3 [0.5:1 0.9:2]"},
		},
		"summary without count": {"# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 3\n", text, nil},
		"summary without sum":   {"# TYPE s summary\ns_count 4\n", text, []string{"s summary/summary count=4 sum=0 []"}},
		"gauge histogram": {
			"# TYPE g gaugehistogram\ng_bucket{le=\"+Inf\"} 1\ng_gcount 1\ng_gsum 1\n# EOF\n", openText, nil,
		},
		"times of one series": {"g 1 5000\ng 2 6000\n", text, []string{"g gauge/unknown 1 at=5", "g gauge/unknown 2 at=6"}},
		"the first of a time": {"g 1 5000\ng 2 5000\n", text, []string{"g gauge/unknown 1 at=5"}},
		"the first of two":    {"g 1\ng 2\n", text, []string{"g gauge/unknown 1"}},
		"exemplar": {
			"# TYPE c counter\nc_total 1 # {trace_id=\"0102030405060708090a0b0c0d0e0f10\",span_id=\"0102030405060708\",a=\"b\"} 7 900\n# EOF\n", openText,
			[]string{"c_total sum+/counter 1 ex(7 at=900 trace=0102030405060708090a0b0c0d0e0f10 span=0102030405060708 {a=b})"},
		},
		"exemplar with odd IDs": {
			"# TYPE c counter\nc_total 1 # {trace_id=\"01\",span_id=\"xx02030405060708\"} 7\n# EOF\n", openText,
			[]string{"c_total sum+/counter 1 ex(7 at=1000 {span_id=xx02030405060708,trace_id=01})"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := read(t, c.page, c.contentType)
			assert.Equal(t, append([]string{}, c.want...), got)
		})
	}
}

func TestRulesOfProtobuf(t *testing.T) {
	const one = `sample_count: 3 sample_sum: 4 zero_threshold: 0.1 positive_span: {offset: 0 length: 1} positive_delta: 3 `
	for name, c := range map[string]struct {
		family string
		want   []string
	}{
		"native": {
			`name: "h" type: HISTOGRAM metric: { histogram: {` + one + `} }`,
			[]string{"h exponential/histogram count=3 sum=4 scale=0 zero=0/0.1 pos=-1[3]"},
		},
		"native that began": {
			`name: "h" type: HISTOGRAM metric: { histogram: {` + one + `created_timestamp: {seconds: 900} } }`,
			[]string{"h exponential/histogram count=3 sum=4 scale=0 zero=0/0.1 pos=-1[3] since=900"},
		},
		"counter that began": {
			`name: "c" type: COUNTER metric: { counter: { value: 1 created_timestamp: {seconds: 900} } }`, []string{"c sum+/counter 1 since=900"},
		},
		"gauge": {`name: "h" type: GAUGE_HISTOGRAM metric: { histogram: {` + one + `} }`, nil},
		"float": {
			`name: "h" type: HISTOGRAM metric: { histogram: { sample_count_float: 2.5 zero_threshold: 0.1
				positive_span: {offset: 0 length: 1} positive_count: 2.5 } }`, nil,
		},
		"overflow": {
			`name: "h" type: HISTOGRAM metric: { histogram: { sample_count: 5 zero_threshold: 0.1
				positive_span: {offset: 1024 length: 2} positive_delta: 3 positive_delta: -1 } }`,
			[]string{"h exponential/histogram count=3 sum=0 scale=0 zero=0/0.1 pos=1023[3]"},
		},
		"numbers that contradict each other": {
			`name: "h" type: HISTOGRAM metric: { histogram: { sample_count: 9 zero_threshold: 0.1
				positive_span: {offset: 0 length: 1} positive_delta: 3 } }`, nil,
		},
		"exemplars": {
			`name: "h" type: HISTOGRAM metric: { histogram: {` + one + `exemplars: {value: 1 timestamp: {seconds: 900}} exemplars: {value: 2} } }`,
			[]string{"h exponential/histogram count=3 sum=4 scale=0 zero=0/0.1 pos=-1[3] ex(1 at=900)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := read(t, families(t, c.family), protobuf)
			assert.Equal(t, append([]string{}, c.want...), got)
		})
	}
}
