package exposition

import (
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// metricKind pairs the type on the page with the one the name is built for, and with the type OpenMetrics alone has a
// word for: "info", "stateset" or none.
type metricKind struct {
	typ    dto.MetricType
	naming otlptranslator.MetricType
	only   string
}

const (
	kindInfo     = "info"
	kindStateset = "stateset"
)

// kindOf honours the Prometheus type a metric had before it became OTLP.
func kindOf(m pmetric.Metric) (metricKind, bool) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return gaugeKind(m), true
	case pmetric.MetricTypeSum:
		return sumKind(m), true
	case pmetric.MetricTypeHistogram:
		return metricKind{typ: dto.MetricType_HISTOGRAM, naming: otlptranslator.MetricTypeHistogram}, true
	case pmetric.MetricTypeExponentialHistogram:
		return metricKind{typ: dto.MetricType_HISTOGRAM, naming: otlptranslator.MetricTypeExponentialHistogram}, true
	case pmetric.MetricTypeSummary:
		return metricKind{typ: dto.MetricType_SUMMARY, naming: otlptranslator.MetricTypeSummary}, true
	case pmetric.MetricTypeEmpty:
		return metricKind{}, false
	default:
		return metricKind{}, false
	}
}

func gaugeKind(m pmetric.Metric) metricKind {
	hint := typeHint(m)
	if hint == "unknown" {
		return metricKind{typ: dto.MetricType_UNTYPED, naming: otlptranslator.MetricTypeUnknown}
	}
	return metricKind{typ: dto.MetricType_GAUGE, naming: otlptranslator.MetricTypeGauge, only: openMetricsOnly(hint)}
}

func sumKind(m pmetric.Metric) metricKind {
	if m.Sum().IsMonotonic() {
		return metricKind{typ: dto.MetricType_COUNTER, naming: otlptranslator.MetricTypeMonotonicCounter}
	}
	only := openMetricsOnly(typeHint(m))
	return metricKind{typ: dto.MetricType_GAUGE, naming: otlptranslator.MetricTypeNonMonotonicCounter, only: only}
}

func typeHint(m pmetric.Metric) string {
	if m.Metadata().Len() == 0 {
		return ""
	}
	hint, _ := m.Metadata().Get("prometheus.type")
	return hint.AsString()
}

func openMetricsOnly(hint string) string {
	if hint == kindInfo || hint == kindStateset {
		return hint
	}
	return ""
}
