package exposition

import (
	"cmp"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// summary is the state of a summary. Its quantiles are ascending.
type summary struct {
	count     uint64
	sum       float64
	quantiles []quantile
}

type quantile struct{ rank, value float64 }

func (s *summary) size() int { return 56 + 16*len(s.quantiles) }

func (s *summary) message(m *dto.Metric, r *record) {
	m.Summary = &dto.Summary{SampleCount: new(s.count), SampleSum: new(s.sum), CreatedTimestamp: timeMessage(r.start)}
	for _, q := range s.quantiles {
		m.Summary.Quantile = append(m.Summary.Quantile, &dto.Quantile{Quantile: new(q.rank), Value: new(q.value)})
	}
}

// summaryValues reads the points of summaries.
type summaryValues struct{ *reader }

// check refuses a quantile that is none, and two that would become the same series.
func (summaryValues) check(p pmetric.SummaryDataPoint) Reason {
	qs := readQuantiles(nil, p.QuantileValues())
	for i, q := range qs {
		if !(q.rank >= 0 && q.rank <= 1) || i > 0 && q.rank == qs[i-1].rank { // NaN included
			return ReasonInvalidSummary
		}
	}
	return ""
}

func (summaryValues) size(p pmetric.SummaryDataPoint) int { return 56 + 16*p.QuantileValues().Len() }

func (v summaryValues) set(slot uint32, _ *record, p pmetric.SummaryDataPoint) bool {
	return v.place(slot, &summary{count: p.Count(), sum: p.Sum(), quantiles: readQuantiles(nil, p.QuantileValues())})
}

func (summaryValues) add(uint32, *record, pmetric.SummaryDataPoint) bool { return false } // there are no deltas

func readQuantiles(dst []quantile, values pmetric.SummaryDataPointValueAtQuantileSlice) []quantile {
	dst = slices.Grow(dst, values.Len())
	for _, v := range values.All() {
		dst = append(dst, quantile{v.Quantile(), v.Value()})
	}
	slices.SortFunc(dst, func(a, b quantile) int { return cmp.Compare(a.rank, b.rank) })
	return dst
}
