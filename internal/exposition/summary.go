package exposition

import (
	"cmp"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func (r *reader) readSummary(s pmetric.Summary) {
	for _, dp := range s.DataPoints().All() {
		r.add(dp, false, func(m *dto.Metric) Reason { return fillSummary(m, dp) })
	}
}

func fillSummary(m *dto.Metric, dp pmetric.SummaryDataPoint) Reason {
	quantiles, ok := sortedQuantiles(dp.QuantileValues())
	if !ok {
		return ReasonInvalidSummary
	}
	m.Summary = &dto.Summary{
		SampleCount:      new(dp.Count()),
		SampleSum:        new(dp.Sum()),
		Quantile:         quantiles,
		CreatedTimestamp: created(dp.StartTimestamp()),
	}
	return ""
}

// sortedQuantiles returns false when a quantile is none, or two would become the same series.
func sortedQuantiles(values pmetric.SummaryDataPointValueAtQuantileSlice) ([]*dto.Quantile, bool) {
	quantiles := make([]*dto.Quantile, 0, values.Len())
	for _, v := range values.All() {
		if !(v.Quantile() >= 0 && v.Quantile() <= 1) { // NaN included
			return nil, false
		}
		quantiles = append(quantiles, &dto.Quantile{Quantile: new(v.Quantile()), Value: new(v.Value())})
	}
	slices.SortFunc(quantiles, func(a, b *dto.Quantile) int { return cmp.Compare(a.GetQuantile(), b.GetQuantile()) })
	for i := 1; i < len(quantiles); i++ {
		if quantiles[i].GetQuantile() == quantiles[i-1].GetQuantile() {
			return nil, false
		}
	}
	return quantiles, true
}
