package metrics

import (
	"iter"
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// OTel's data is of int64 or float64: N is the one that T goes into.

func (c *Counter[T]) produce(now time.Time) metricdata.Aggregation   { return sums(one(c), now) }
func (g *Gauge[T]) produce(now time.Time) metricdata.Aggregation     { return gauges(one(g), now) }
func (h *Histogram[T]) produce(now time.Time) metricdata.Aggregation { return histograms(one(h), now) }

func (s *Summary[T]) produce(now time.Time) metricdata.Aggregation { return summaries(one(s), now) }

func (v *CounterVec[T, L]) produce(now time.Time) metricdata.Aggregation { return sums(v.each(), now) }

func (v *GaugeVec[T, L]) produce(now time.Time) metricdata.Aggregation {
	return gauges(v.each(), now)
}

func (v *HistogramVec[T, L]) produce(now time.Time) metricdata.Aggregation {
	return histograms(v.each(), now)
}

func (v *SummaryVec[T, L]) produce(now time.Time) metricdata.Aggregation {
	return summaries(v.each(), now)
}

// mapped is nil if there are no series, of which OTLP has no metric.
func mapped[S, P any](all iter.Seq[S], point func(S) P) (points []P) {
	for s := range all {
		points = append(points, point(s))
	}
	return points
}

func sums[T Number](all iter.Seq[*Counter[T]], now time.Time) metricdata.Aggregation {
	if isFloat[T]() {
		return sumOf[float64](all, now)
	}
	return sumOf[int64](all, now)
}

func sumOf[N int64 | float64, T Number](all iter.Seq[*Counter[T]], now time.Time) metricdata.Aggregation {
	points := mapped(all, func(c *Counter[T]) metricdata.DataPoint[N] {
		e := c.exemplar.Load() // before the total, so that there is none of an amount not counted
		return metricdata.DataPoint[N]{
			Attributes: c.series.attributes(), StartTime: c.series.createdAt(), Time: now, Value: N(c.total.load()),
			Exemplars: otelExemplars[N]([]*exemplar[T]{e}),
		}
	})
	if points == nil {
		return nil
	}
	return metricdata.Sum[N]{DataPoints: points, Temporality: metricdata.CumulativeTemporality, IsMonotonic: true}
}

func gauges[T Number](all iter.Seq[*Gauge[T]], now time.Time) metricdata.Aggregation {
	if isFloat[T]() {
		return gaugeOf[float64](all, now)
	}
	return gaugeOf[int64](all, now)
}

func gaugeOf[N int64 | float64, T Number](all iter.Seq[*Gauge[T]], now time.Time) metricdata.Aggregation {
	points := mapped(all, func(g *Gauge[T]) metricdata.DataPoint[N] {
		return metricdata.DataPoint[N]{
			Attributes: g.series.attributes(), StartTime: g.series.createdAt(), Time: now, Value: N(g.Value()),
		}
	})
	if points == nil {
		return nil
	}
	return metricdata.Gauge[N]{DataPoints: points}
}

func histograms[T Number](all iter.Seq[*Histogram[T]], now time.Time) metricdata.Aggregation {
	list := slices.Collect(all)
	switch {
	case len(list) == 0:
		return nil
	case list[0].recorder.plan.bounds != nil && isFloat[T]():
		return explicit[float64](list, now)
	case list[0].recorder.plan.bounds != nil:
		return explicit[int64](list, now)
	case isFloat[T]():
		return exponential[float64](list, now)
	default:
		return exponential[int64](list, now)
	}
}

func explicit[N int64 | float64, T Number](list []*Histogram[T], now time.Time) metricdata.Aggregation {
	points := mapped(slices.Values(list), func(h *Histogram[T]) metricdata.HistogramDataPoint[N] {
		t, exemplars := h.snapshot()
		p := metricdata.HistogramDataPoint[N]{
			Attributes: h.series.attributes(), StartTime: h.series.createdAt(), Time: now,
			Count: t.count, Bounds: h.recorder.plan.bounds, BucketCounts: t.counts, Sum: sumAs[N](t),
			Exemplars: otelExemplars[N](exemplars),
		}
		p.Min, p.Max = extremaAs[N](t)
		return p
	})
	return metricdata.Histogram[N]{DataPoints: points, Temporality: metricdata.CumulativeTemporality}
}

func exponential[N int64 | float64, T Number](list []*Histogram[T], now time.Time) metricdata.Aggregation {
	points := mapped(slices.Values(list), func(h *Histogram[T]) metricdata.ExponentialHistogramDataPoint[N] {
		t, exemplars := h.snapshot()
		p := metricdata.ExponentialHistogramDataPoint[N]{
			Attributes: h.series.attributes(), StartTime: h.series.createdAt(), Time: now,
			Count: t.count, Sum: sumAs[N](t), Scale: finestScale - int32(t.shift),
			ZeroCount: t.zero, ZeroThreshold: h.recorder.plan.zero,
			PositiveBucket: t.positive.otel(), NegativeBucket: t.negative.otel(),
			Exemplars: otelExemplars[N](exemplars),
		}
		p.Min, p.Max = extremaAs[N](t)
		return p
	})
	return metricdata.ExponentialHistogram[N]{DataPoints: points, Temporality: metricdata.CumulativeTemporality}
}

func (r *run) otel() metricdata.ExponentialBucket {
	if r.empty() {
		return metricdata.ExponentialBucket{}
	}
	return metricdata.ExponentialBucket{Offset: r.first, Counts: r.counts}
}

func sumAs[N int64 | float64, T Number](t *tally[T]) N {
	if isFloat[N]() {
		return N(t.sum.float())
	}
	return N(t.sum.int64())
}

func extremaAs[N int64 | float64, T Number](t *tally[T]) (least, most metricdata.Extrema[N]) {
	if t.count == 0 {
		return least, most
	}
	return metricdata.NewExtrema(N(t.min)), metricdata.NewExtrema(N(t.max))
}

// summaries leave out quantiles of nothing: OTLP has no value for them.
func summaries[T Number](all iter.Seq[*Summary[T]], now time.Time) metricdata.Aggregation {
	points := mapped(all, func(s *Summary[T]) metricdata.SummaryDataPoint {
		snapshot := s.snapshot(s.report.quantiles)
		p := metricdata.SummaryDataPoint{
			Attributes: s.series.attributes(), StartTime: s.series.createdAt(), Time: now,
			Count: snapshot.count, Sum: snapshot.sum,
		}
		for i, v := range snapshot.quantiles {
			if !math.IsNaN(v) {
				p.QuantileValues = append(p.QuantileValues, metricdata.QuantileValue{Quantile: s.report.quantiles[i], Value: v})
			}
		}
		return p
	})
	if points == nil {
		return nil
	}
	return metricdata.Summary{DataPoints: points}
}
