package exposition

import (
	"strings"

	dto "github.com/prometheus/client_model/go"
)

const totalSuffix = "_total"

// toOpenMetrics fits the families into OpenMetrics 1.0, where the name of a counter family has no _total and no two
// families may meet: a counter that cannot be one keeps its name and value as "unknown", as expfmt does for a counter
// without the suffix, and lines that would meet another family's are left out if they are only _created.
func toOpenMetrics(mfs []*dto.MetricFamily) []*dto.MetricFamily {
	samples := make(nameTable, len(mfs))
	for _, mf := range mfs {
		samples.claim(mf.GetName(), mf.GetType())
	}
	out := make([]*dto.MetricFamily, 0, len(mfs))
	for _, mf := range mfs {
		out = append(out, samples.openMetricsFamily(mf))
	}
	return out
}

func (n nameTable) openMetricsFamily(mf *dto.MetricFamily) *dto.MetricFamily {
	base := mf.GetName()
	if mf.GetType() == dto.MetricType_COUNTER {
		base = strings.TrimSuffix(base, totalSuffix)
		if _, taken := n[base]; taken || base == "" {
			return toUnknown(mf)
		}
	}
	if _, taken := n[base+"_created"]; taken {
		return withoutCreated(mf)
	}
	return mf
}

func toUnknown(mf *dto.MetricFamily) *dto.MetricFamily {
	metrics := make([]*dto.Metric, len(mf.Metric))
	for i, m := range mf.Metric {
		metrics[i] = &dto.Metric{Label: m.Label, TimestampMs: m.TimestampMs, Untyped: &dto.Untyped{Value: m.Counter.Value}}
	}
	out := withMetrics(mf, metrics)
	out.Type = dto.MetricType_UNTYPED.Enum()
	out.Unit = unitOf(mf.GetName(), mf.GetUnit(), dto.MetricType_UNTYPED)
	return out
}

func withoutCreated(mf *dto.MetricFamily) *dto.MetricFamily {
	metrics := make([]*dto.Metric, len(mf.Metric))
	for i, m := range mf.Metric {
		c := withLabels(m, m.Label)
		switch {
		case m.Counter != nil:
			c.Counter = &dto.Counter{Value: m.Counter.Value, Exemplar: m.Counter.Exemplar}
		case m.Summary != nil:
			c.Summary = &dto.Summary{
				SampleCount: m.Summary.SampleCount, SampleSum: m.Summary.SampleSum, Quantile: m.Summary.Quantile,
			}
		case m.Histogram != nil:
			c.Histogram = &dto.Histogram{
				SampleCount: m.Histogram.SampleCount, SampleSum: m.Histogram.SampleSum, Bucket: m.Histogram.Bucket,
			}
		}
		metrics[i] = c
	}
	return withMetrics(mf, metrics)
}
