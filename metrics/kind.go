package metrics

import "github.com/prometheus/otlptranslator"

// kind is what an instrument does with values.
type kind int

const (
	counterKind kind = iota
	gaugeKind
	histogramKind
	summaryKind
)

func (k kind) String() string {
	return [...]string{"counter", "gauge", "histogram", "summary"}[k]
}

func (k kind) metricType() otlptranslator.MetricType {
	return [...]otlptranslator.MetricType{
		otlptranslator.MetricTypeMonotonicCounter, otlptranslator.MetricTypeGauge,
		otlptranslator.MetricTypeHistogram, otlptranslator.MetricTypeSummary,
	}[k]
}

// reservedLabel is the label that Prometheus adds to the samples of the kind.
func (k kind) reservedLabel() string {
	return [...]string{"", "", "le", "quantile"}[k]
}

// suffixes are what Prometheus appends to the name of a family of the kind to name its samples.
func (k kind) suffixes() []string {
	switch k {
	case counterKind:
		return []string{"_total", "_created"}
	case histogramKind:
		return []string{"_bucket", "_sum", "_count", "_created"}
	case summaryKind:
		return []string{"_sum", "_count", "_created"}
	default:
		return nil
	}
}
