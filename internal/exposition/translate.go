package exposition

import (
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
)

// fallbackLabel names attributes whose key leaves no valid label name, such as "" and "_".
const fallbackLabel = "key_"

// translator turns OTLP names into Prometheus names. It may be used concurrently.
type translator struct {
	metrics  otlptranslator.MetricNamer
	labels   otlptranslator.LabelNamer
	units    otlptranslator.UnitNamer
	exemplar otlptranslator.LabelNamer
	legacy   bool
	// given are the labels that a group gives to all its series.
	given []string
	known labelNames
}

func newTranslator(strategy otlptranslator.TranslationStrategyOption, namespace string) *translator {
	if strategy == "" {
		strategy = otlptranslator.UnderscoreEscapingWithSuffixes
	}
	utf8Allowed := !strategy.ShouldEscape()
	if !utf8Allowed {
		namespace = legacyNamespace(namespace)
	}
	return &translator{
		metrics: otlptranslator.NewMetricNamer(namespace, strategy),
		labels:  otlptranslator.LabelNamer{UTF8Allowed: utf8Allowed},
		units:   otlptranslator.UnitNamer{UTF8Allowed: utf8Allowed},
		legacy:  !utf8Allowed,
	}
}

// legacyNamespace makes a namespace fit for legacy names, which the namer does not do.
func legacyNamespace(namespace string) string {
	return strings.Trim(model.EscapeName(namespace, model.UnderscoreEscaping), "_")
}

// metricName returns false when the name cannot be exposed.
func (t *translator) metricName(name, unit string, kind otlptranslator.MetricType) (string, bool) {
	if name == "" {
		return "", false
	}
	built, err := t.metrics.Build(otlptranslator.Metric{Name: name, Unit: unit, Type: kind})
	if err != nil {
		return "", false
	}
	if t.legacy {
		return built, model.LegacyValidation.IsValidMetricName(built)
	}
	return built, model.UTF8Validation.IsValidMetricName(built) && !strings.ContainsRune(built, 0)
}

func (t *translator) labelName(key string) string {
	if name, ok := t.known.get(key); ok {
		return name
	}
	name := t.ownName(buildLabelName(&t.labels, key))
	t.known.add(key, name)
	return name
}

// exemplarLabelName always escapes: escaping on negotiation does not reach the labels of exemplars.
func (t *translator) exemplarLabelName(key string) string {
	return buildLabelName(&t.exemplar, key)
}

func buildLabelName(namer *otlptranslator.LabelNamer, key string) string {
	name, err := namer.Build(cleanText(key))
	if err != nil {
		return fallbackLabel
	}
	return withoutColons(name)
}

// withoutColons replaces the colons of a label name that expfmt would write unquoted, which no parser reads.
func withoutColons(name string) string {
	if strings.Contains(name, ":") && model.LegacyValidation.IsValidMetricName(name) {
		return strings.ReplaceAll(name, ":", "_")
	}
	return name
}

// cleanText makes any string fit for a page: valid UTF-8 without NUL, which Prometheus' lexer takes for the end.
func cleanText(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, string(utf8.RuneError))
	}
	return strings.ReplaceAll(s, "\x00", string(utf8.RuneError))
}
