package exposition

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

var _ prometheus.Gatherer = (*Store)(nil)

// Page returns a gatherer whose families the expfmt encoder of the format renders into a page every parser reads.
// Whatever that page cannot show is passed to hidden, once per Gather and only if there is any; hidden may be called
// concurrently.
//
// Gather alone is not enough for that, because expfmt neither resolves the collisions its escaping makes nor knows
// the rules OpenMetrics has between families.
func (s *Store) Page(format expfmt.Format, hidden func(Reason, int)) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		mfs, err := s.Gather()
		if err != nil {
			return nil, err
		}
		if scheme := format.ToEscapingScheme(); !s.names.legacy && scheme != model.NoEscaping {
			var n int
			if mfs, n = escapeAll(mfs, scheme); n > 0 {
				hidden(ReasonEscapingConflict, n)
			}
		}
		return adapt(mfs, format), nil
	})
}

// adapt rewrites what the format, or Prometheus' parser of it, cannot take.
func adapt(mfs []*dto.MetricFamily, format expfmt.Format) []*dto.MetricFamily {
	switch format.FormatType() {
	case expfmt.TypeOpenMetrics:
		return toOpenMetrics(withFixedBuckets(mfs))
	case expfmt.TypeTextPlain:
		return withFixedBuckets(mfs)
	default:
		return withoutMixedHistograms(mfs)
	}
}

// withMetrics returns a copy of mf that holds other metrics.
func withMetrics(mf *dto.MetricFamily, metrics []*dto.Metric) *dto.MetricFamily {
	return &dto.MetricFamily{Name: mf.Name, Help: mf.Help, Type: mf.Type, Unit: mf.Unit, Metric: metrics}
}

// withLabels returns a copy of m that holds other labels.
func withLabels(m *dto.Metric, labels []*dto.LabelPair) *dto.Metric {
	return &dto.Metric{
		Label: labels, TimestampMs: m.TimestampMs,
		Gauge: m.Gauge, Counter: m.Counter, Untyped: m.Untyped, Histogram: m.Histogram, Summary: m.Summary,
	}
}
