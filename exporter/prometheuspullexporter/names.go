package prometheuspullexporter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/otlptranslator"
)

// names are the configured ones as they stand on the page.
type names struct {
	namespace   string
	constLabels map[string]string
}

// names translates the configured names as those of metrics are.
func (c *Config) names() (names, error) {
	namespace, err := translateNamespace(c.Namespace, c.strategy())
	constLabels, errs := translateConstLabels(c.ConstLabels, c.strategy())
	return names{namespace, constLabels}, errors.Join(err, errs)
}

// translateNamespace makes a valid name of any namespace that leaves one: otlptranslator would take it as it is.
func translateNamespace(namespace string, strategy otlptranslator.TranslationStrategyOption) (string, error) {
	if namespace == "" {
		return "", nil
	}
	namer := otlptranslator.MetricNamer{UTF8Allowed: !strategy.ShouldEscape()}
	name, err := namer.Build(otlptranslator.Metric{Name: namespace})
	if err != nil || !printable(name) {
		return "", fmt.Errorf("`namespace` must leave a valid name, got %q", namespace)
	}
	return name, nil
}

func translateConstLabels(given map[string]string, strategy otlptranslator.TranslationStrategyOption) (map[string]string, error) {
	namer := otlptranslator.LabelNamer{UTF8Allowed: !strategy.ShouldEscape()}
	labels := make(map[string]string, len(given))
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(given)) {
		name, err := namer.Build(key)
		if err != nil {
			errs = append(errs, fmt.Errorf("`const_labels` must not hold %q: it leaves no valid name", key))
			continue
		}
		errs = append(errs, validateConstLabel(key, given[key]))
		if _, taken := labels[name]; taken {
			errs = append(errs, fmt.Errorf("`const_labels` must not hold %q: another key becomes %q too", key, name))
		}
		labels[name] = given[key]
	}
	return labels, errors.Join(errs...)
}

func validateConstLabel(key, value string) error {
	switch {
	case strings.HasPrefix(key, "__"):
		return fmt.Errorf("`const_labels` must not hold %q: names that begin with \"__\" are reserved", key)
	case !printable(key) || !printable(value):
		return fmt.Errorf("`const_labels` must be UTF-8 without NUL, got %q: %q", key, value)
	default:
		return nil
	}
}

// printable reports whether a page can hold the text: Prometheus' lexer takes NUL for the end.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}
