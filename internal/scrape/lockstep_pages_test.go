package scrape_test

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// everyType has families of all types of the text format.
const everyType = `# HELP c A counter.
# TYPE c counter
c{a="1"} 1
c{a="2"} 2
# TYPE g gauge
g 1.5
# TYPE h histogram
h_bucket{le="0.5"} 1
h_bucket{le="1"} 2
h_bucket{le="+Inf"} 3
h_sum 2.5
h_count 3
# TYPE s summary
s{quantile="0.5"} 1
s{quantile="0.99"} 2
s_sum 5
s_count 3
# TYPE u untyped
u 1
nothing 2
`

// pageScripts are about pages: what they say, and how they fail.
var pageScripts = map[string]lockstep{
	"all types": {pages: texts(everyType, everyType)},
	"values change": {
		differs: []difference{countRepaired}, pages: texts(everyType,
			strings.NewReplacer(" 1\n", " 11\n", " 3\n", " 33\n", " 2.5\n", " 1e30\n").Replace(everyType), everyType),
	},
	"series come and go":   {pages: texts("a 1\nb 1\n", "a 1\nc 1\n", "b 2\n", "", "a 1\n", "# TYPE a gauge\n", "a 1\nb 1\nc 1\n")},
	"families come and go": {pages: texts(everyType, "a 1\n", everyType, "", everyType)},
	"empty pages":          {pages: texts("", "", "a 1\n", "", "", "a 1\n")},
	"comments only":        {pages: texts("# x\n", "a 1\n", "# HELP a x\n# TYPE a gauge\n", "\n\n")},
	"types change": {
		pages: texts("# TYPE a counter\na 1\n", "# TYPE a gauge\na 1\n", "a 1\n",
			"# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 1\na_sum 1\n", "# TYPE a summary\na_count 1\na_sum 1\n", "# TYPE a counter\na 1\n"),
		differs: []difference{partGone},
	},
	"type twice":           {differs: []difference{lastTypeCounts}, pages: texts("# TYPE a counter\na{b=\"1\"} 1\n# TYPE a gauge\na{b=\"2\"} 1\n", "a 1\n")},
	"interleaved families": {pages: texts("# TYPE a counter\na{x=\"1\"} 1\n# TYPE b gauge\nb 1\na{x=\"2\"} 2\nb{x=\"3\"} 1\n", "b 1\na 1\n")},
	"a bucket comes and goes": {
		pages: texts(
			histogramPage("h", "0.5", "1", "+Inf"), histogramPage("h", "0.5", "1", "2", "+Inf"), histogramPage("h", "1", "+Inf"), "", histogramPage("h", "0.5", "+Inf")),
		differs: []difference{partGone},
	},
	"a histogram comes back smaller": {
		pages:   texts(histogramPage("h", "0.5", "1", "+Inf"), "", histogramPage("h", "1", "+Inf"), ""),
		differs: []difference{pastPartsMarked},
	},
	"a quantile goes": {pages: texts("# TYPE s summary\ns{quantile=\"0.5\"} 1\ns{quantile=\"1\"} 2\ns_sum 1\ns_count 1\n",
		"# TYPE s summary\ns{quantile=\"1\"} 2\ns_sum 1\ns_count 1\n", ""), differs: []difference{partGone}},
	"histograms with parts missing": {
		pages: texts(
			"# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\n", "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_count 2\n", histogramPage("h", "1", "+Inf"),
			"# TYPE h histogram\nh_count 1\n", "# TYPE h histogram\nh_sum 1\nh_count 1\n", "# TYPE h histogram\nh_sum 1\n", ""),
		differs: []difference{withoutCountDropped, partsCompleted, partGone},
	},
	"summaries with parts missing": {
		pages: texts(
			"# TYPE s summary\ns{quantile=\"0.5\"} 1\n", "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_count 1\n", "# TYPE s summary\ns_sum 1\ns_count 1\n",
			"# TYPE s summary\ns_count 1\n", ""),
		differs: []difference{withoutCountDropped, partsCompleted, partGone},
	},
	"numbers of buckets":  {pages: texts("# TYPE h histogram\nh_bucket{le=\"1e3\"} 1\nh_bucket{le=\"0x1p2\"} 1\nh_bucket{le=\"-1\"} 0\nh_bucket{le=\"+Inf\"} 1\nh_sum NaN\nh_count 1\n")},
	"special values":      {pages: texts("a NaN\nb +Inf\nc -Inf\nd -0\ne 1e308\nf 5e-324\n# TYPE h counter\nh NaN\n# TYPE i counter\ni -1\n", "a NaN\nb NaN\n", "a 1\n")},
	"explicit timestamps": {pages: texts("a 1 1700000000000\nb 1\nc 2 1700000000001\n", "a 2 1700000000000\nb 1 1700000000002\n", "c 1\nb 1\n", "b 1\n", "")},
	"explicit timestamps of histograms": {pages: texts(
		"# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1 1700000000000\nh_sum 1 1700000000000\nh_count 1 1700000000000\n", "a 1\n")},
	"timestamps of the future": {pages: texts("a 1 "+inFuture(9*time.Minute)+"\nb 1 "+inFuture(time.Hour)+"\nc 1\n", "b 1\n", "c 1\n")},
	"several instants of a series": {
		pages:   texts("a 1 1700000000000\na 2 1700000000001\na 3 1700000000000\n", "a 1 1700000000002\na 2\n", "a 1\n"),
		differs: []difference{twiceTheSame},
	},
	"duplicates": {pages: texts("a 1\na 2\nb 1\n", "a 1\na 1\n", "b 1\n")},
	"duplicates in other words": {
		pages:   texts("a{b=\"1\",c=\"2\"} 1\na{c=\"2\",b=\"1\"} 2\na{c=\"2\",b=\"1\",d=\"\"} 3\n", "a{c=\"2\",b=\"1\"} 2\n", "a{b=\"1\",c=\"2\"} 1\n"),
		differs: []difference{twiceTheSame},
	},
	"duplicate label names": {pages: texts("a{b=\"1\",b=\"2\"} 1\nc 1\n", "c 1\n")},
	"empty label values":    {pages: texts("a{b=\"\"} 1\nc{d=\"\",e=\"1\"} 1\n", "c{e=\"1\"} 1\n")},
	"UTF-8":                 {pages: texts("{\"a.b\",\"c d\"=\"é\"} 1\n# TYPE \"h.x\" histogram\n{\"h.x_bucket\",le=\"+Inf\"} 1\n{\"h.x_sum\"} 1\n{\"h.x_count\"} 1\n", "a 1\n")},
	"target's own labels":   {pages: texts("a{job=\"j\",instance=\"i\",exported_job=\"k\",zone=\"y\"} 1\n", "a{job=\"j\"} 1\n")},
	"names of the report":   {differs: []difference{reportStays, twiceTheSame}, pages: texts("up 5\nscrape_samples_scraped 7\n", "a 1\n")},
	"syntax error":          {pages: texts("a 1\n", "a 1\nb{ 1\n", "a 1\n"), differs: []difference{marksOfFailures}},
	"syntax errors again and again": {
		pages:   texts("a 1\nb 1\nc 1\n", "a 1\nd 1\nb{ 1\n", "a 1\nd 1\nb{ 1\n", "b 1\na 1\n", "x{\n", "a 1\n"),
		differs: []difference{marksOfFailures},
	},
	"a syntax error at once": {pages: texts("x{\n", "a 1\n", "x{\n", "a 1\n")},
	"status errors":          {pages: []page{text("a 1\n"), status(http.StatusInternalServerError), status(http.StatusNotFound), text("a 1\n"), status(http.StatusNoContent)}},
	"cut off":                {pages: []page{text("a 1\n"), {contentType: textType, body: everyType, cut: true}, text("a 1\n")}},
	"hangs":                  {pages: []page{text("a 1\n"), {hang: true}, text("a 1\n")}},
	"gzip": {pages: []page{
		{contentType: textType, body: everyType, encoding: "gzip", zipped: true},
		{contentType: textType, body: "a 1\n", encoding: "gzip"},
		{contentType: textType, body: everyType, encoding: "gzip", zipped: true},
		{contentType: textType, body: everyType, encoding: "gzip", zipped: true, cut: true},
		text(everyType),
		{contentType: textType, body: "a 1\n", encoding: "deflate"},
		{contentType: textType, body: "a 1\n", zipped: true},
	}},
	"content types": {pages: contentTypes("a 1\n", noType, "", "text/plain", "text/plain; version=0.0.4", "text/plain; version=1.0.0", "text/plain; x",
		"text/html", "application/json", "TEXT/PLAIN", "application/openmetrics-text", "text/plain;version=0.0.4;escaping=dots", "*/*", "garbage;;", openType, protobufType), differs: []difference{marksOfFailures}},
	"content types of OpenMetrics": {pages: contentTypes("a 1\n# EOF\n", openType, "application/openmetrics-text; version=0.0.1", "application/openmetrics-text; version=2.0.0",
		"application/openmetrics-text;;", textType, "application/vnd.google.protobuf")},
	"OpenMetrics": {pages: openPages("# TYPE c counter\n# HELP c x\nc_total{a=\"1\"} 1\n# TYPE g gauge\n# UNIT g_seconds seconds\ng_seconds 1\n# TYPE i info\ni_info{a=\"b\"} 1\n"+
		"# TYPE s stateset\ns{s=\"a\"} 1\ns{s=\"b\"} 0\n# TYPE u unknown\nu 1\nx 2\n", "x 1\n")},
	"created": {created: true, differs: []difference{createdConsumed}, pages: openPages("# TYPE c counter\nc_total{a=\"1\"} 1\nc_created{a=\"1\"} 1700000000.5\nc_total{a=\"2\"} 1\n# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\nh_created 1700000001\n"+
		"# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_count 1\ns_created 1700000002\n", "# TYPE c counter\nc_total{a=\"1\"} 1\nc_created{a=\"1\"} 1700000003\n", "a 1\n")},
	"created in text": {created: true, differs: []difference{createdConsumed}, pages: texts("# TYPE c counter\nc_total 1\nc_created 1700000000.5\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\nh_created 1700000001\n", "a 1\n")},
	"exemplars": {pages: openPages("# TYPE c counter\nc_total 1 # {trace_id=\"0af7651916cd43dd8448eb211c80319c\",span_id=\"b7ad6b7169203331\",x=\"y\"} 1 1700000000.5\n"+
		"# TYPE h histogram\nh_bucket{le=\"1.0\"} 1 # {a=\"b\"} 0.5\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n", "# TYPE c counter\nc_total 1 # {} 1\n")},
	"exemplars of gauges": {pages: openPages("# TYPE g gauge\ng 1 # {a=\"b\"} 1 1700000000.5\nu 1 # {a=\"b\"} 1\n"), differs: []difference{exemplarsDropped}},
	"gauge histograms": {
		pages:   openPages("# TYPE g gaugehistogram\ng_bucket{le=\"1.0\"} 1\ng_bucket{le=\"+Inf\"} 1\ng_gcount 1\ng_gsum 1\na 1\n", "a 1\n", ""),
		differs: []difference{gaugeHistogramDropped},
	},
	"OpenMetrics without end": {
		pages:   []page{openMetrics("a 1\n# EOF\n"), openMetrics("a 1\n"), openMetrics("a 1\n# EOF\na 2\n"), openMetrics("a 1\n# EOF")},
		differs: []difference{marksOfFailures},
	},
	"target_info": {
		pages:   openPages("# TYPE target info\ntarget_info{x=\"y\",z=\"1\"} 1\na 1\n", "# TYPE target info\ntarget_info{x=\"w\"} 1\na 1\n", "a 1\n"),
		differs: []difference{targetInfoConsumed},
	},
	"scopes": {pages: texts("a{otel_scope_name=\"n\",otel_scope_version=\"v\",otel_scope_schema_url=\"u\",otel_scope_x=\"y\",b=\"c\"} 1\na{otel_scope_name=\"m\"} 2\na{b=\"c\"} 3\na{otel_scope_version=\"w\"} 4\n", "a 1\n", "a{otel_scope_name=\"n\"} 2\n")},
	"histograms of scopes": {
		pages:   texts(strings.ReplaceAll(histogramPage("h", "1", "+Inf"), "{", "{otel_scope_name=\"n\","), "a 1\n"),
		differs: []difference{partsCompleted, withoutCountDropped},
	},
	"counts that are none": {
		pages: texts("# TYPE h histogram\nh_bucket{le=\"1\"} -1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n", "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count NaN\n",
			"# TYPE s summary\ns_sum 1\ns_count +Inf\n", "# TYPE h histogram\nh_bucket{le=\"1\"} 1.4\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 2.5\n", ""),
		differs: []difference{badCountsDropped, countRepaired},
	},
	"times before 1970":  {pages: openPages("a 1 -5\nb 1\n", "a 1 -4\nb 1 -0.001\n", "b 1\n"), differs: []difference{before1970Dropped}},
	"hexadecimal values": {pages: texts("a 1\n", "b 0x1p3\n", "a 1_0\n")},
}

func contentTypes(body string, types ...string) []page {
	pages := make([]page, len(types))
	for i, typ := range types {
		pages[i] = page{contentType: typ, body: body}
	}
	return pages
}

func histogramPage(name string, bounds ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# TYPE %s histogram\n", name)
	for i, le := range bounds {
		fmt.Fprintf(&b, "%s_bucket{le=%q} %d\n", name, le, i+1)
	}
	fmt.Fprintf(&b, "%[1]s_sum 1\n%[1]s_count %[2]d\n", name, len(bounds))
	return b.String()
}

func inFuture(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).UnixMilli(), 10) }

func TestLockstepOfPages(t *testing.T) { runAll(t, pageScripts) }

func runAll(t *testing.T, cases map[string]lockstep) {
	t.Helper()
	for name, l := range maps.All(cases) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l.run(t)
		})
	}
}
