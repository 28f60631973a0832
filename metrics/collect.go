package metrics

import (
	"iter"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// sample is one series as Prometheus' registry takes it.
type sample struct {
	desc  *prometheus.Desc
	write func(*dto.Metric)
}

func (s sample) Desc() *prometheus.Desc { return s.desc }

func (s sample) Write(out *dto.Metric) error {
	s.write(out)
	return nil
}

// recordable is a series of an instrument.
type recordable interface {
	write(out *dto.Metric)
}

func collectAll[S recordable](f *family, all iter.Seq[S], ch chan<- prometheus.Metric) {
	desc := f.desc()
	for s := range all {
		ch <- sample{desc: desc, write: s.write}
	}
}

// one is a sequence of one.
func one[S any](s S) iter.Seq[S] {
	return func(yield func(S) bool) { yield(s) }
}

func (c *Counter[T]) collect(ch chan<- prometheus.Metric)   { collectAll(c.describe(), one(c), ch) }
func (g *Gauge[T]) collect(ch chan<- prometheus.Metric)     { collectAll(g.describe(), one(g), ch) }
func (h *Histogram[T]) collect(ch chan<- prometheus.Metric) { collectAll(h.describe(), one(h), ch) }
func (s *Summary[T]) collect(ch chan<- prometheus.Metric)   { collectAll(s.describe(), one(s), ch) }

func (v *CounterVec[T, L]) collect(ch chan<- prometheus.Metric) { collectAll(v.family, v.each(), ch) }

func (v *GaugeVec[T, L]) collect(ch chan<- prometheus.Metric) { collectAll(v.family, v.each(), ch) }

func (v *SummaryVec[T, L]) collect(ch chan<- prometheus.Metric) { collectAll(v.family, v.each(), ch) }

func (v *HistogramVec[T, L]) collect(ch chan<- prometheus.Metric) {
	collectAll(v.family, v.each(), ch)
}

func (c *Counter[T]) write(out *dto.Metric) {
	e := c.exemplar.Load() // before the total, so that there is none of an amount not counted
	out.Label = c.series.labelPairs()
	out.Counter = &dto.Counter{
		Value: new(float64(c.total.load())), Exemplar: e.prometheus(), CreatedTimestamp: timestamp(c.series.createdAt()),
	}
}

func timestamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }

func (g *Gauge[T]) write(out *dto.Metric) {
	out.Label = g.series.labelPairs()
	out.Gauge = &dto.Gauge{Value: new(float64(g.Value()))}
}

func (s *Summary[T]) write(out *dto.Metric) {
	now := s.snapshot(s.report.quantiles)
	out.Label = s.series.labelPairs()
	out.Summary = &dto.Summary{
		SampleCount: &now.count, SampleSum: &now.sum, CreatedTimestamp: timestamp(s.series.createdAt()),
	}
	for i, q := range s.report.quantiles {
		out.Summary.Quantile = append(out.Summary.Quantile, &dto.Quantile{Quantile: new(q), Value: new(now.quantiles[i])})
	}
}

func (h *Histogram[T]) write(out *dto.Metric) {
	now, exemplars := h.snapshot()
	out.Label = h.series.labelPairs()
	out.Histogram = &dto.Histogram{
		SampleCount: &now.count, SampleSum: new(now.sum.float()), CreatedTimestamp: timestamp(h.series.createdAt()),
	}
	if now.bounds {
		writeBounds(out.Histogram, h.recorder.plan.bounds, now.counts, exemplars)
		return
	}
	writeNative(out.Histogram, now, h.recorder.plan.zero)
	out.Histogram.Exemplars = oldestFirst(exemplars)
}

// writeBounds leaves the last bucket to be implied, unless it has an exemplar.
func writeBounds[T Number](out *dto.Histogram, bounds []float64, counts []uint64, exemplars []*exemplar[T]) {
	var cumulative uint64
	for i, n := range counts {
		cumulative += n
		b := &dto.Bucket{CumulativeCount: new(cumulative)}
		if exemplars != nil {
			b.Exemplar = exemplars[i].prometheus()
		}
		if i < len(bounds) {
			b.UpperBound = new(bounds[i])
		} else if b.UpperBound = new(math.Inf(1)); b.Exemplar == nil {
			return
		}
		out.Bucket = append(out.Bucket, b)
	}
}

func writeNative[T Number](out *dto.Histogram, t *tally[T], zero float64) {
	out.Schema = new(finestScale - int32(t.shift))
	out.ZeroThreshold, out.ZeroCount = &zero, &t.zero
	out.PositiveSpan, out.PositiveDelta = spans(&t.positive)
	out.NegativeSpan, out.NegativeDelta = spans(&t.negative)
	if zero == 0 && t.count == 0 {
		// Nothing else would tell it from a histogram without native buckets.
		out.PositiveSpan = []*dto.BucketSpan{{Offset: new(int32(0)), Length: new(uint32(0))}}
	}
}

// spans leaves out gaps of more than two empty buckets, as client_golang does. The first offset is an index as Prometheus
// counts: one above OTel's.
func spans(r *run) (out []*dto.BucketSpan, deltas []int64) {
	var before int64
	end := int32(0) // behind the last span
	for i := 0; i < len(r.counts); {
		gap := emptyAt(r.counts[i:])
		if i == 0 || gap > 2 {
			index := r.first + 1 + int32(i+gap)
			out = append(out, &dto.BucketSpan{Offset: new(index - end), Length: new(uint32(0))})
			i, end = i+gap, index
		}
		*out[len(out)-1].Length++
		deltas = append(deltas, int64(r.counts[i])-before)
		before = int64(r.counts[i])
		i, end = i+1, end+1
	}
	return out, deltas
}

// emptyAt is how many counts are 0 before the first that is not.
func emptyAt(counts []uint64) (n int) {
	for n < len(counts) && counts[n] == 0 {
		n++
	}
	return n
}
