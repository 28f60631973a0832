package streamerprocessor_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	promconfig "github.com/prometheus/prometheus/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"
	"pgregory.net/rapid"

	"github.com/sluice-metrics/sluice/processor/streamerprocessor"
)

// drawRelabelText draws the YAML of a relabel_config, right or wrong, with the scalars people write.
func drawRelabelText(t *rapid.T) string {
	one := func(what string, of ...string) string { return rapid.SampledFrom(of).Draw(t, what) }
	values := map[string]func() string{
		"source_labels": func() string {
			return one("source_labels", "[a]", "[a, __name__]", "[__resource_env]", "a", "[]", "[1]", "~", `[""]`, "{a: b}")
		},
		"separator": func() string { return one("separator", ";", `""`, "5", "~", "[a]", "'::'") },
		"regex":     func() string { return one("regex", "(.*)", "a|b", "200", `""`, "'('", "true", "~", "[a]", "'go_(.*)'") },
		"modulus": func() string {
			return one("modulus", "4", "0", "-1", "many", "~", "1.5", "'4'", "18446744073709551615")
		},
		"target_label": func() string { return one("target_label", "b", "__name__", "'$1'", `""`, "7", "http.code", "~", "[a]") },
		"replacement":  func() string { return one("replacement", "$1", `""`, "fixed", "1", "no", "~", "{}", "'${1}'") },
		"action": func() string {
			return one("action", "replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop",
				"labelkeep", "lowercase", "uppercase", "Replace", "nosuch", `""`, "~", "1")
		},
		"target": func() string { return "b" },
	}
	keys := []string{"source_labels", "separator", "regex", "modulus", "target_label", "replacement", "action"}
	if rapid.IntRange(0, 20).Draw(t, "misspelt") == 0 {
		keys = append(keys, "target")
	}
	if rapid.IntRange(0, 40).Draw(t, "nothing") == 0 {
		return one("nothing", "{}", "~", "5", "[]")
	}
	var pairs []string
	for _, key := range keys {
		odds := 3
		if key == "source_labels" || key == "action" || key == "target_label" {
			odds = 1
		}
		if rapid.IntRange(0, odds).Draw(t, key+"?") <= 1 {
			pairs = append(pairs, key+": "+values[key]())
		}
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}

func relabelRule(texts ...string) (map[string]any, error) {
	retrieved, err := confmap.NewRetrievedFromYAML([]byte("rules: [{name: r, relabel: [" + strings.Join(texts, ", ") + "]}]"))
	if err != nil {
		return nil, err
	}
	conf, err := retrieved.AsConf()
	if err != nil {
		return nil, err
	}
	return conf.ToStringMap(), nil
}

func prometheusAccepts(texts ...string) error {
	_, err := promconfig.Load("scrape_configs: [{job_name: j, metric_relabel_configs: ["+strings.Join(texts, ", ")+"]}]", slog.New(slog.DiscardHandler))
	return err
}

// A rule takes the relabel configs that Prometheus takes, and no others.
func TestRelabelConfigsAreReadAsPrometheusReadsThem(t *testing.T) {
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		text := drawRelabelText(t)
		want := prometheusAccepts(text)
		conf, err := relabelRule(text)
		require.NoError(t, err)
		err = accepts(t, streamerprocessor.NewFactory(), conf)
		require.Equal(t, want == nil, err == nil, "%s\nPrometheus: %v\nours: %v", text, want, err)
		if err == nil {
			accepted++
			return
		}
		require.ErrorContains(t, err, "rules[0]", text)
		require.ErrorContains(t, err, "relabel[0]", text)
	})
	assert.Positive(t, accepted)
}

// An error says where: which rule, which config, which key.
func TestRelabelFaultsAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"{target: b}":                          "relabel[1]: target: unknown key",
		"{target_label: b, modulus: many}":     "relabel[1]: modulus: ",
		"{target_label: b, regex: '('}":        "relabel[1]: regex: ",
		"{target_label: [b]}":                  "relabel[1]: target_label: ",
		"{source_labels: {a: b}}":              "relabel[1]: source_labels: ",
		"{action: nosuch}":                     `relabel[1]: action: unknown relabel action "nosuch"`,
		"{action: hashmod, target_label: b}":   "relabel[1]: relabel configuration for hashmod requires non-zero modulus",
		"{target_label: b, replacement: 1.50}": "relabel[1]: replacement: must be in quotes",
	} {
		conf, err := relabelRule("{target_label: a}", text)
		require.NoError(t, err)
		err = accepts(t, streamerprocessor.NewFactory(), conf)
		require.ErrorContains(t, err, `rules[0] ("r"): relabel`, text)
		assert.ErrorContains(t, err, want, text)
	}
}

// All faults are told at once, of all configs and rules.
func TestAllRelabelFaultsAreTold(t *testing.T) {
	conf := map[string]any{"rules": []any{
		map[string]any{"relabel": []any{map[string]any{"action": "nosuch", "modulus": "many"}, map[string]any{"x": 1}}},
		map[string]any{"relabel": []any{map[string]any{"regex": "("}}},
	}}
	err := accepts(t, streamerprocessor.NewFactory(), conf)
	for _, want := range []string{"rules[0]: relabel[0]: action: ", "modulus: ", "relabel[1]: x: unknown key", "rules[1]: relabel[0]: regex: "} {
		assert.ErrorContains(t, err, want)
	}
}

// Points that get another name move to a metric of that name, of the type theirs has, behind the others of their scope. Two
// that relabelling makes the same series stay two: it is for the receiver to tell.
func TestRelabelledPointsMove(t *testing.T) {
	md := pmetric.NewMetrics()
	metrics := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	sum := metrics.AppendEmpty()
	sum.SetName("requests")
	sum.SetUnit("1")
	sum.SetEmptySum().SetIsMonotonic(true)
	for i, code := range []string{"200", "500", "501"} {
		p := sum.Sum().DataPoints().AppendEmpty()
		p.SetIntValue(int64(i))
		p.Attributes().PutStr("code", code)
	}
	other := metrics.AppendEmpty()
	other.SetName("errors")
	other.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(9)

	cfg, err := relabelRule("{source_labels: [code], regex: '5..', target_label: __name__, replacement: errors}", "{regex: code, action: labeldrop}")
	require.NoError(t, err)
	for _, shared := range []bool{false, true} {
		in := pmetric.NewMetrics()
		md.CopyTo(in)
		if shared {
			in.MarkReadOnly()
		}
		got := through(t, cfg, in)
		out := got.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
		require.Equal(t, 3, out.Len())
		assert.Equal(t, []string{"requests", "errors", "errors"}, []string{out.At(0).Name(), out.At(1).Name(), out.At(2).Name()})
		assert.Equal(t, 1, out.At(0).Sum().DataPoints().Len())
		assert.Equal(t, pmetric.MetricTypeGauge, out.At(1).Type())
		assert.Equal(t, "1", out.At(2).Unit())
		assert.True(t, out.At(2).Sum().IsMonotonic())
		require.Equal(t, 2, out.At(2).Sum().DataPoints().Len())
		for i, p := range out.At(2).Sum().DataPoints().All() {
			assert.Equal(t, int64(i+1), p.IntValue())
			assert.Zero(t, p.Attributes().Len())
		}
	}
}

// through sends a batch through a streamer and returns what comes out.
func through(t *testing.T, conf map[string]any, md pmetric.Metrics) pmetric.Metrics {
	t.Helper()
	factory := streamerprocessor.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(conf).Unmarshal(cfg))
	sink := &consumertest.MetricsSink{}
	p, err := factory.CreateMetrics(t.Context(), processortest.NewNopSettings(factory.Type()), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, p.ConsumeMetrics(t.Context(), md))
	require.NoError(t, p.Shutdown(t.Context()))
	require.Len(t, sink.AllMetrics(), 1, fmt.Sprint(conf))
	return sink.AllMetrics()[0]
}
