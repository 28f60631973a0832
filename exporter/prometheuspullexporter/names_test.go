package prometheuspullexporter

import (
	"testing"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNamespaceBecomesAValidName(t *testing.T) {
	for namespace, want := range map[string]struct{ legacy, utf8 string }{
		"":           {"", ""},
		"shop":       {"shop", "shop"},
		"test-space": {"test_space", "test-space"},
		"a.b::c":     {"a_b::c", "a.b::c"},
		"app_":       {"app_", "app_"},
		"9lives":     {"_9lives", "9lives"},
		"größe":      {"gr_e", "größe"},
	} {
		for strategy, name := range map[otlptranslator.TranslationStrategyOption]string{
			otlptranslator.UnderscoreEscapingWithSuffixes:    want.legacy,
			otlptranslator.UnderscoreEscapingWithoutSuffixes: want.legacy,
			otlptranslator.NoUTF8EscapingWithSuffixes:        want.utf8,
			otlptranslator.NoTranslation:                     want.utf8,
		} {
			got, err := translateNamespace(namespace, strategy)
			require.NoError(t, err)
			assert.Equal(t, name, got, "%q under %s", namespace, strategy)
		}
	}
	_, err := translateNamespace("a\x00", otlptranslator.NoTranslation)
	require.Error(t, err)
}

func TestConstLabelsBecomeValidNames(t *testing.T) {
	given := map[string]string{"label1": "value1", "another label": "spaced value", "k8s.pod": "p", "1st": "x"}
	got, err := translateConstLabels(given, otlptranslator.UnderscoreEscapingWithSuffixes)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"label1": "value1", "another_label": "spaced value", "k8s_pod": "p", "key_1st": "x"}, got)
	got, err = translateConstLabels(given, otlptranslator.NoTranslation)
	require.NoError(t, err)
	assert.Equal(t, given, got)
	_, err = translateConstLabels(map[string]string{"a.b": "x", "a_b": "y"}, otlptranslator.NoTranslation)
	require.NoError(t, err, "they stay two")
	_, err = translateConstLabels(map[string]string{"a": "\xff"}, otlptranslator.NoTranslation)
	require.Error(t, err)
}
