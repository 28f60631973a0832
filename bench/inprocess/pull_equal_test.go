package inprocess

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter/prometheusalias"
)

// aliasImpl is our exporter under contrib's name, which takes contrib's keys as they are.
var aliasImpl = pullImpl{"alias", prometheusalias.NewFactory(), pullImpls[1].conf}

// with is the side with more keys.
func (i pullImpl) with(conf map[string]any) pullImpl {
	all := maps.Clone(i.conf)
	maps.Copy(all, conf)
	i.conf = all
	return i
}

// What is compared for speed must show the same series with the same values, in every format.
func TestPullPagesAreEqual(t *testing.T) {
	for name, s := range map[string]shape{"numbers": numbers, "histograms": histograms, "mixed": mixed} {
		t.Run(name, func(t *testing.T) {
			input := batches(2*pointsPerBatch, s)
			requireEqualPages(t, nil, formats, input...)
			if s != mixed {
				p := pageOf(t, pullImpls[0], text, input)
				assert.Len(t, p.samples, seriesOnPage(2*pointsPerBatch, s))
			}
		})
	}
}

// commonConfigurations are keys that all three exporters have.
var commonConfigurations = map[string]map[string]any{
	"none":                              {},
	"UnderscoreEscapingWithoutSuffixes": {"translation_strategy": "UnderscoreEscapingWithoutSuffixes"},
	"NoUTF8EscapingWithSuffixes":        {"translation_strategy": "NoUTF8EscapingWithSuffixes"},
	"NoTranslation":                     {"translation_strategy": "NoTranslation"},
	"send_timestamps":                   {"send_timestamps": true},
	"without_scope_info":                {"without_scope_info": true},
	"namespace":                         {"namespace": "shop"},
	"const_labels":                      {"const_labels": map[string]any{"label1": "value1"}},
}

func TestPullPagesOfAllTypesAreEqual(t *testing.T) {
	for name, conf := range commonConfigurations {
		t.Run(name, func(t *testing.T) {
			requireEqualPages(t, conf, formatsFor(conf), ordinaryCases()...)
			requireEqualPages(t, conf, []format{protobuf, protobufUTF8}, exponentialCase())
		})
	}
}

func TestPullPagesOfTheCorpusAreEqual(t *testing.T) {
	requireEqualPages(t, nil, formats, corpus(t, "otel_go_sdk"))
}

// contribConfigurations are those of contrib's prometheusexporter v0.159.0, its testdata/config.yaml and its README.md,
// without the address and the certificates.
var contribConfigurations = map[string]map[string]any{
	"testdata": {
		"namespace":           "test-space",
		"const_labels":        map[string]any{"label1": "value1", "another label": "spaced value"},
		"send_timestamps":     true,
		"metric_expiration":   "60m",
		"add_metric_suffixes": false,
	},
	"README": {
		"namespace":                        "test-space",
		"const_labels":                     map[string]any{"label1": "value1", "another label": "spaced value"},
		"send_timestamps":                  true,
		"metric_expiration":                "180m",
		"enable_open_metrics":              true,
		"add_metric_suffixes":              false,
		"translation_strategy":             "UnderscoreEscapingWithoutSuffixes",
		"resource_to_telemetry_conversion": map[string]any{"enabled": true},
	},
}

func TestAliasServesContribsConfigurationsAsContribDoes(t *testing.T) {
	for name, conf := range contribConfigurations {
		t.Run(name, func(t *testing.T) {
			for _, f := range []format{text, textGzip, protobuf} {
				want := pageOf(t, pullImpls[1].with(conf), f, ordinaryCases())
				requireEqualPage(t, want.withoutTargets(), pageOf(t, aliasImpl.with(conf), f, ordinaryCases()).withoutTargets(), f.name)
			}
		})
	}
}

// formatsFor are the formats that both sides serve with conf: without suffixes we offer no OpenMetrics.
func formatsFor(conf map[string]any) []format {
	switch conf["translation_strategy"] {
	case "UnderscoreEscapingWithoutSuffixes", "NoTranslation":
		return []format{text, textGzip, textUTF8, protobuf, protobufUTF8}
	default:
		return []format{text, textGzip, textUTF8, openMetrics, openMetricsUTF8, protobuf, protobufUTF8}
	}
}

// requireEqualPages sends the same to contrib's exporter and to ours under both names and compares their pages.
func requireEqualPages(t *testing.T, conf map[string]any, formats []format, input ...pmetric.Metrics) {
	t.Helper()
	for _, f := range formats {
		want := targets(conf, pageOf(t, pullImpls[1].with(conf), f, input))
		for _, impl := range []pullImpl{pullImpls[0], aliasImpl} {
			requireEqualPage(t, want, targets(conf, pageOf(t, impl.with(conf), f, input)), impl.name+", "+f.name)
		}
	}
}

// targets leaves out target_info where conf has keys that it is known to differ by.
func targets(conf map[string]any, p page) page {
	if conf["namespace"] != nil || conf["const_labels"] != nil {
		return p.withoutTargets()
	}
	return p
}

// requireEqualPage shows the first difference only, for pages are long.
func requireEqualPage(t require.TestingT, want, got page, what string) {
	wantLines, gotLines := want.lines(), got.lines()
	for i := range min(len(wantLines), len(gotLines)) {
		require.Equal(t, wantLines[i], gotLines[i], what)
	}
	require.Len(t, gotLines, len(wantLines), what)
}

// pageOf starts a side, sends it copies of input, for contrib's edits deltas, and reads a page.
func pageOf(t *testing.T, impl pullImpl, f format, input []pmetric.Metrics) page {
	t.Helper()
	p := impl.start(t)
	defer p.stop()
	for _, md := range input {
		p.add(t, clone(md))
	}
	out, err := parse(newScraper(t, p, f).scrape(t), f)
	require.NoError(t, err)
	return out
}

// corpus is one of the batches that the golden pages of testdata/pages are made of.
func corpus(t *testing.T, name string) pmetric.Metrics {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../testdata/otlp", name+".json"))
	require.NoError(t, err)
	md, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(data)
	require.NoError(t, err)
	return md
}
