package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// droppedFamily is the registry's own counter.
var droppedFamily = &family{
	kind: counterKind, name: "sluice.instrument.dropped", unit: "{record}",
	help:       "Values that instruments dropped, by reason.",
	prometheus: "sluice_instrument_dropped_total",
}

// drops is how many values an instrument dropped for a reason.
type drops struct {
	instrument, reason string
	count              int64
}

var reasons = [refusals]error{ErrNaN, ErrInfinite, ErrNegative, ErrBelowMin, ErrAboveMax, ErrInvalid, ErrOverflow}

// allDrops leaves out what did not happen.
func allDrops(instruments []Instrument) (all []drops) {
	for _, i := range instruments {
		f := i.describe()
		counts := f.dropped.Load()
		if counts == nil {
			continue
		}
		for _, err := range reasons {
			r := refusalIn(err)
			if n := counts[r.index].Load(); n > 0 {
				all = append(all, drops{f.name, r.reason, n})
			}
		}
	}
	return all
}

func collectDrops(instruments []Instrument, since time.Time, ch chan<- prometheus.Metric) {
	desc := droppedFamily.desc()
	for _, d := range allDrops(instruments) {
		ch <- sample{desc: desc, write: func(out *dto.Metric) {
			out.Label = []*dto.LabelPair{
				{Name: new("instrument"), Value: new(d.instrument)},
				{Name: new("reason"), Value: new(d.reason)},
			}
			out.Counter = &dto.Counter{Value: new(float64(d.count)), CreatedTimestamp: timestamp(since)}
		}}
	}
}

func produceDrops(instruments []Instrument, since, now time.Time) *metricdata.Metrics {
	var points []metricdata.DataPoint[int64]
	for _, d := range allDrops(instruments) {
		points = append(points, metricdata.DataPoint[int64]{
			Attributes: attribute.NewSet(attribute.String("instrument", d.instrument), attribute.String("reason", d.reason)),
			StartTime:  since, Time: now, Value: d.count,
		})
	}
	if points == nil {
		return nil
	}
	return &metricdata.Metrics{
		Name: droppedFamily.name, Description: droppedFamily.help, Unit: droppedFamily.unit,
		Data: metricdata.Sum[int64]{DataPoints: points, Temporality: metricdata.CumulativeTemporality, IsMonotonic: true},
	}
}
