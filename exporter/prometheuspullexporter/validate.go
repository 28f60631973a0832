package prometheuspullexporter

import (
	"fmt"
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/otlptranslator"
)

// What becomes of exponential histograms in text.
const (
	inTextClassic = "classic"
	inTextDrop    = "drop"
)

func validateStrategy(s otlptranslator.TranslationStrategyOption) error {
	switch s {
	case otlptranslator.UnderscoreEscapingWithSuffixes, otlptranslator.UnderscoreEscapingWithoutSuffixes,
		otlptranslator.NoUTF8EscapingWithSuffixes, otlptranslator.NoTranslation:
		return nil
	default:
		return fmt.Errorf("`translation_strategy` is unknown: %q", s)
	}
}

func validateInText(s string) error {
	switch s {
	case inTextClassic, inTextDrop:
		return nil
	default:
		return fmt.Errorf("`exponential_histograms_in_text` must be %q or %q, got %q", inTextClassic, inTextDrop, s)
	}
}

func notNegative[T int | time.Duration | units.Base2Bytes](key string, value T) error {
	if value < 0 {
		return fmt.Errorf("`%s` must not be negative, got %v", key, value)
	}
	return nil
}

// maxScrapeInterval is a week: multiples of an interval must stay durations.
const maxScrapeInterval = 7 * 24 * time.Hour

func notLong(key string, value time.Duration) error {
	if value > maxScrapeInterval {
		return fmt.Errorf("`%s` must be at most %v, got %v", key, maxScrapeInterval, value)
	}
	return nil
}
