package scrape_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protodelim"
)

// optionsOfFiles are jobs that read all files. Duplicates come of labels that are dropped.
var optionsOfFiles = map[string]string{
	"plain":                             "",
	"honor_labels":                      "honor_labels: true",
	"honor_timestamps":                  "honor_timestamps: false",
	"track_timestamps_staleness":        "track_timestamps_staleness: true",
	"metric_relabel_configs, drop":      `metric_relabel_configs: [{source_labels: [__name__], regex: ".*[aeiou]", action: drop}]`,
	"metric_relabel_configs, labeldrop": `metric_relabel_configs: [{regex: "le|code|device|pod|container_.*", action: labeldrop}]`,
	"metric_relabel_configs, rename":    `metric_relabel_configs: [{source_labels: [__name__], regex: "go_(.*)", target_label: __name__, replacement: "gone_$1"}]`,
	"sample_limit":                      "sample_limit: 40",
	"label_limit":                       "label_limit: 6",
	"label_name_length_limit":           "label_name_length_limit: 12",
	"label_value_length_limit":          "label_value_length_limit: 40",
	"body_size_limit":                   "body_size_limit: 60KB",
	"native histograms":                 native,
	"native histograms, limits":         native + "\nnative_histogram_bucket_limit: 20\nnative_histogram_min_bucket_factor: 1.2",
	"always_scrape_classic_histograms":  native + "\nalways_scrape_classic_histograms: true",
	"legacy names":                      "metric_name_validation_scheme: legacy\nmetric_name_escaping_scheme: underscores",
	"fallback_scrape_protocol":          "fallback_scrape_protocol: OpenMetricsText1.0.0",
}

func TestLockstepOfFiles(t *testing.T) {
	small := map[string][]page{}
	for name, p := range filePages(t) {
		l := lockstep{job: "extra_scrape_metrics: true\n" + native, pages: script(p), anyDifference: true}
		l.created = strings.Contains(p.body, "_created")
		l.interval = time.Duration(len(p.body)) * time.Microsecond / 3
		l.badLines = strings.HasSuffix(name, "negative_timestamp.txt") // as OpenMetrics it is good, but for its end
		if len(p.body) < smallFile && !l.created && !l.badLines {
			small["/"+name] = l.pages
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l.run(t)
		})
	}
	for name, job := range optionsOfFiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lockstep{job: job, pages: script(text(everyType)), paths: small, interval: 250 * time.Millisecond, anyDifference: true}.run(t)
		})
	}
}

// smallFile bounds the files that are read with each option, all at once.
const smallFile = 40 << 10

// filePages are pages of a registry, in all formats, and the files of third parties where there are any.
func filePages(t *testing.T) map[string]page {
	t.Helper()
	pages := registryPages(t)
	root := os.Getenv("SLUICE_TESTDATA")
	if root == "" {
		return pages
	}
	root = filepath.Join(root, "exposition")
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".tsv" {
			return err
		}
		body, err := os.ReadFile(path)
		pages[strings.TrimPrefix(path, root+"/")] = page{contentType: contentTypeOf(path), body: string(body)}
		return err
	}))
	return pages
}

func contentTypeOf(path string) string {
	switch {
	case strings.HasSuffix(path, ".pb"):
		return protobufType
	case strings.Contains(path, ".om"):
		return openType
	default:
		return textType
	}
}

func registryPages(t *testing.T) map[string]page {
	t.Helper()
	families := gathered(t)
	pages := map[string]page{}
	for name, format := range map[string]expfmt.Format{
		"registry.txt": expfmt.NewFormat(expfmt.TypeTextPlain), "registry.om": expfmt.NewFormat(expfmt.TypeOpenMetrics),
		"registry.pb": expfmt.NewFormat(expfmt.TypeProtoDelim),
	} {
		var buf bytes.Buffer
		e := expfmt.NewEncoder(&buf, format.WithEscapingScheme(model.NoEscaping))
		for _, mf := range families {
			require.NoError(t, e.Encode(mf))
		}
		if c, ok := e.(expfmt.Closer); ok {
			require.NoError(t, c.Close())
		}
		pages[name] = page{contentType: string(format), body: buf.String()}
	}
	return pages
}

func gathered(t *testing.T) []*dto.MetricFamily {
	t.Helper()
	reg := prometheus.NewRegistry()
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total", Help: "Requests.\nMany."}, []string{"code"})
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "duration_seconds", Help: "Durations.", Buckets: prometheus.DefBuckets, NativeHistogramBucketFactor: 1.1,
	}, []string{"path"})
	s := prometheus.NewSummary(prometheus.SummaryOpts{Name: "size.bytes", Help: "Sizes.", Objectives: map[float64]float64{0.5: 0.05, 0.9: 0.01}})
	reg.MustRegister(c, h, s, collectors.NewGoCollector(), collectors.NewBuildInfoCollector())
	for i := range 100 {
		c.WithLabelValues([]string{"200", "404", "a \"b\"\\\n"}[i%3]).Inc()
		h.WithLabelValues([]string{"/", "/é"}[i%2]).Observe(float64(i) / 30)
		s.Observe(float64(i))
	}
	families, err := reg.Gather()
	require.NoError(t, err)
	return families
}

// largeFile bounds the pages that are read as OpenMetrics and are not: Prometheus looks for starts to their ends, again
// and again.
const largeFile = 100 << 10

// script shows a page as it is, with gaps, as the wrong format, not at all, cut off and again.
func script(p page) []page {
	cut, other := p, p
	cut.cut = true
	other.contentType = textType
	if p.contentType == textType {
		other.contentType = openType
	}
	if len(p.body) > largeFile {
		other = p
	}
	return []page{p, p, thinned(p), other, status(http.StatusServiceUnavailable), p, cut, thinned(p), p}
}

// thinned leaves out every third sample, or family of protobuf.
func thinned(p page) page {
	if strings.HasPrefix(p.contentType, "application/vnd") {
		return thinnedProtobuf(p)
	}
	var kept strings.Builder
	n := 0
	for line := range strings.Lines(p.body) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
		if strings.HasPrefix(line, "#") || n%3 > 0 {
			kept.WriteString(line)
		}
	}
	p.body = kept.String()
	return p
}

func thinnedProtobuf(p page) page {
	in, out := bytes.NewReader([]byte(p.body)), bytes.Buffer{}
	for n := 0; ; n++ {
		var mf dto.MetricFamily
		if protodelim.UnmarshalFrom(in, &mf) != nil {
			p.body = out.String()
			return p
		}
		if n%3 > 0 {
			_, _ = protodelim.MarshalTo(&out, &mf)
		}
	}
}

func TestLockstepOfOpenMetricsVectors(t *testing.T) {
	root := os.Getenv("SLUICE_TESTDATA")
	if root == "" {
		t.Skip("no SLUICE_TESTDATA")
	}
	files, err := filepath.Glob(filepath.Join(root, "openmetrics", "*", "*.txt"))
	require.NoError(t, err)
	plain := map[string][]page{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		pages := []page{openMetrics(string(body)), text(string(body)), text("other 1\n"), openMetrics(string(body)), openMetrics("")}
		switch {
		case odd[filepath.Base(file)]:
		case bytes.Contains(body, []byte("_created")):
			t.Run(filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				lockstep{pages: pages, created: true, badLines: true, anyDifference: true}.run(t)
			})
		default:
			plain["/"+filepath.Base(file)] = pages
		}
	}
	first := texts("a 1\n", "a 1\n", "a 1\n", "a 1\n", "a 1\n")
	lockstep{pages: first, paths: plain, badLines: true, anyDifference: true, interval: time.Second}.run(t)
}

// odd are vectors of which Prometheus tells too little, or nonsense.
var odd = map[string]bool{
	"bad_clashing_names_2.txt":                 true, // nothing but a_created: what is it of?
	"bad_exemplars_on_unallowed_samples_3.txt": true,
	"bad_exemplars_on_unallowed_samples_1.txt": true, // a_sum is none of a gauge histogram's, for Prometheus
	"bad_value_3.txt":                          true, // its line is bad in the end, and in Prometheus' cache
	"bad_grouping_or_ordering_3.txt":           true, // the type of a sum gets lost
	"timestamps.txt":                           true, // a time that is more than 64 bits of milliseconds
}
