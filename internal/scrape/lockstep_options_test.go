package scrape_test

import "testing"

// withLabels has labels for each of the options that are about labels.
const withLabels = "a{job=\"j\",instance=\"k\",zone=\"y\",x=\"1\"} 1\na{x=\"2\"} 2\nb{long=\"0123456789\"} 1\nlong_name{a_long_label=\"1\"} 1\nplain 1\n"

// optionScripts are about the options of a job that change samples.
var optionScripts = map[string]lockstep{
	"honor_labels":             {job: "honor_labels: true", pages: texts(withLabels, "plain 1\n", withLabels)},
	"honor_labels with empty":  {differs: []difference{noOriginOfItsOwn}, job: "honor_labels: true", pages: texts("a{job=\"\",instance=\"\",zone=\"\"} 1\n", "")},
	"honor_timestamps":         {job: "honor_timestamps: false", pages: texts("a 1 1700000000000\nb 1\n", "b 1\n", "a 1 1700000000000\na 2 1700000000001\n")},
	"honor_timestamps, future": {job: "honor_timestamps: false", pages: texts("a 1 99999999999999\n", "b 1\n")},
	"track_timestamps_staleness": {
		job:   "track_timestamps_staleness: true",
		pages: texts("a 1 1700000000000\nb 1\n", "b 1 1700000000000\n", "a 1 1700000000001\n", "c 1\n", ""),
	},
	"track_timestamps_staleness, near future": {differs: []difference{olderMarker}, job: "track_timestamps_staleness: true", pages: texts("a 1 "+inFuture(9*60e9)+"\nb 1\n", "b 1\n", "")},
	"drop": {job: `metric_relabel_configs: [{source_labels: [__name__], regex: c|h_.*, action: drop}]`, pages: texts(everyType, "g 1\n", everyType)},
	"drop a part": {
		job:   `metric_relabel_configs: [{source_labels: [le], regex: "1.*", action: drop}, {source_labels: [__name__], regex: s_sum, action: drop}]`,
		pages: texts(everyType, "g 1\n"), differs: []difference{partsCompleted},
	},
	"drop the count":          {job: `metric_relabel_configs: [{source_labels: [__name__], regex: .*_count, action: drop}]`, pages: texts(everyType, ""), differs: []difference{withoutCountDropped}},
	"drop all":                {job: `metric_relabel_configs: [{source_labels: [__name__], regex: .*, action: drop}]`, pages: texts(everyType, everyType, "")},
	"keep":                    {job: `metric_relabel_configs: [{source_labels: [a], regex: "2", action: keep}]`, pages: texts(everyType, "g 1\n")},
	"labeldrop":               {differs: []difference{twiceTheSame}, job: `metric_relabel_configs: [{regex: x|zone, action: labeldrop}]`, pages: texts(withLabels, "a{x=\"2\"} 7\na{x=\"3\"} 8\n", "")},
	"labeldrop of duplicates": {job: `metric_relabel_configs: [{regex: a, action: labeldrop}]`, pages: texts("c{a=\"1\"} 1\nc{a=\"2\"} 2\n", "c{a=\"2\"} 3\n", "c{a=\"3\"} 3\nc{a=\"2\"} 3\n", ""), differs: []difference{twiceTheSame}},
	"labeldrop of job":        {differs: []difference{noOriginOfItsOwn}, job: `metric_relabel_configs: [{regex: job|instance, action: labeldrop}]`, pages: texts("c{a=\"1\"} 1\n", "")},
	"new job":                 {job: `metric_relabel_configs: [{source_labels: [x], regex: (.+), target_label: job, replacement: n$1}]`, pages: texts(withLabels, "plain 1\n")},
	"rename":                  {job: `metric_relabel_configs: [{source_labels: [__name__], regex: g, target_label: __name__, replacement: other}]`, pages: texts(everyType, "g 1\n", "")},
	"rename all":              {job: `metric_relabel_configs: [{source_labels: [__name__], regex: (.*), target_label: __name__, replacement: my_$1}]`, pages: texts(everyType, "g 1\n", "")},
	"rename to nothing":       {job: `metric_relabel_configs: [{source_labels: [__name__], regex: g, target_label: __name__, replacement: ""}]`, pages: texts("a 1\n", everyType, "a 1\n"), differs: []difference{marksOfFailures}},
	"rename a histogram":      {job: `metric_relabel_configs: [{source_labels: [__name__], regex: h(_.*), target_label: __name__, replacement: k$1}]`, pages: texts(everyType, "")},
	"hash of labels":          {job: `metric_relabel_configs: [{source_labels: [a], modulus: 4, target_label: m, action: hashmod}]`, pages: texts(everyType, "")},
	"sample_limit":            {job: "sample_limit: 3", pages: texts("a 1\nb 1\nc 1\n", "a 1\nb 1\nc 1\nd 1\n", "a 1\nb 1\n", "c 1\nd 1\ne 1\nf 1\ng 1\n", "a 1\n"), differs: []difference{marksOfFailures}},
	"sample_limit and relabelling": {
		job:   "sample_limit: 2\n" + `metric_relabel_configs: [{source_labels: [__name__], regex: c, action: drop}]`,
		pages: texts("a 1\nb 1\nc 1\n", "a 1\nc 1\n"),
	},
	"sample_limit, duplicates": {job: "sample_limit: 2", pages: texts("a 1\na 1\nb 1\n", "a 1\n")},
	"label_limit":              {job: "label_limit: 4", pages: texts("plain 1\n", "plain 1\na{x=\"1\"} 1\n", "plain 1\n"), differs: []difference{marksOfFailures}},
	"label_name_length_limit":  {job: "label_name_length_limit: 9", pages: texts("plain 1\n", withLabels, "plain 1\n")},
	"label_value_length_limit": {job: "label_value_length_limit: 9", pages: texts("plain 1\n", withLabels, "plain 1\n"), differs: []difference{marksOfFailures}},
	"body_size_limit":          {job: "body_size_limit: 30B", pages: texts("a 1\n", withLabels, "a 1\n")},
	"body_size_limit, exactly": {job: "body_size_limit: 8B\nextra_scrape_metrics: true", pages: texts("a 1\n", "a 1\nb 1", "a 1\nb 1\n", "a 1\nb 1\nc 1\n")},
	"body_size_limit, gzip": {job: "body_size_limit: 100B", pages: []page{
		text("a 1\n"),
		{contentType: textType, body: everyType + everyType, encoding: "gzip", zipped: true},
		{contentType: textType, body: "a 1\n", encoding: "gzip", zipped: true},
	}},
	"extra_scrape_metrics": {
		job:   "extra_scrape_metrics: true\nsample_limit: 100\nbody_size_limit: 10KB",
		pages: []page{text(everyType), status(500), text(""), text("x{\n"), {contentType: textType, body: everyType, cut: true}},
	},
	"enable_compression":                    {job: "enable_compression: false", pages: texts(everyType)},
	"fallback_scrape_protocol":              {job: "fallback_scrape_protocol: PrometheusText0.0.4", pages: contentTypes("a 1\n", noType, "text/html", "application/json", openType, "garbage;;", "text/plain; x"), differs: []difference{marksOfFailures}},
	"fallback_scrape_protocol to OM":        {job: "fallback_scrape_protocol: OpenMetricsText1.0.0", pages: contentTypes("a 1\n# EOF\n", noType, "text/html", textType, "garbage;;", "text/plain; x")},
	"fallback_scrape_protocol to the other": {job: "fallback_scrape_protocol: PrometheusProto", pages: contentTypes("a 1\n", noType, textType)},
	"params":                                {job: "params: {x: [\"y z\", \"&\"], a: [b]}\nmetrics_path: /m", asks: "/m?a=b&x=y+z&x=%26", pages: texts(everyType)},
	"relabelled target":                     {job: `relabel_configs: [{target_label: __metrics_path__, replacement: /n}, {target_label: __param_q, replacement: "1"}, {target_label: env, replacement: prod}, {target_label: job, replacement: other}]`, asks: "/n?q=1", pages: texts(everyType, "a{env=\"x\"} 1\n")},
	"legacy names":                          {job: "metric_name_validation_scheme: legacy\nmetric_name_escaping_scheme: underscores", pages: texts("a 1\n", "{\"a.b\"} 1\n", "a{\"b.c\"=\"d\"} 1\n", "a 1\n")},
	"escaping":                              {job: "metric_name_escaping_scheme: dots", pages: texts("{\"a.b\"} 1\na_dot_b 1\n")},
	"timeout of the target":                 {job: `relabel_configs: [{target_label: __scrape_timeout__, replacement: 20ms}]` + "\nextra_scrape_metrics: true", pages: []page{text("a 1\n"), {hang: true}, text("a 1\n")}},
	"target_limit":                          {job: "target_limit: 1", pages: texts("a 1\n", "a 1\n"), paths: map[string][]page{"/o": texts("b 1\n", "b 1\n")}},
	"target_limit, not reached":             {job: "target_limit: 2", pages: texts("a 1\n", "a 1\n"), paths: map[string][]page{"/o": texts("b 1\n", "b 2\n")}},
	"convert_classic_histograms_to_nhcb": {
		job: "convert_classic_histograms_to_nhcb: true\nscrape_native_histograms: true", customBuckets: true,
		pages: append(texts(everyType, histogramPage("h", "1", "2", "+Inf")+histogramPage("i", "1", "+Inf"), ""), openPages(histogramPage("h", "1.0", "+Inf"))...),
	},
	"convert_classic_histograms_to_nhcb, classic too": {
		differs: []difference{oneOfBoth}, job: "convert_classic_histograms_to_nhcb: true\nscrape_native_histograms: true\nalways_scrape_classic_histograms: true",
		pages: texts(everyType, ""),
	},
}

func TestLockstepOfOptions(t *testing.T) { runAll(t, optionScripts) }
