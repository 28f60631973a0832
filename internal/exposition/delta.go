package exposition

import (
	"math"
	"math/bits"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// aligned reports whether a delta continues the series. Without a start time there is nothing to check but order.
func aligned(held *series, p *point) (Reason, bool) {
	if p.time <= held.time {
		return ReasonOutOfOrder, false
	}
	if p.start != 0 && p.start != held.time {
		return ReasonMisalignedDelta, false
	}
	return "", true
}

// realign moves the window past a refused delta: one gap then costs one point and not every point after it.
func (sr *series) realign(p *point, now time.Time) {
	if p.time > sr.time {
		sr.time, sr.updated = p.time, now
	}
}

// accumulate returns prev advanced by a delta of the same type. Neither is changed.
// A histogram starts anew where the two have no sum: their bounds differ, only one has a sum of its own, or the counts
// pass what 64 bits hold.
func accumulate(prev, delta *dto.Metric) *dto.Metric {
	next := &dto.Metric{Label: prev.Label, TimestampMs: delta.TimestampMs}
	switch {
	case prev.Counter != nil && delta.Counter != nil:
		next.Counter = addCounter(prev.Counter, delta.Counter)
	case prev.Histogram != nil && delta.Histogram != nil && addable(prev.Histogram, delta.Histogram):
		next.Histogram = addHistogram(prev.Histogram, delta.Histogram)
	default:
		return delta
	}
	return next
}

func addCounter(prev, delta *dto.Counter) *dto.Counter {
	return &dto.Counter{
		Value:            new(prev.GetValue() + delta.GetValue()),
		Exemplar:         newest(prev.Exemplar, delta.Exemplar),
		CreatedTimestamp: prev.CreatedTimestamp,
	}
}

func addHistogram(prev, delta *dto.Histogram) *dto.Histogram {
	next := &dto.Histogram{
		SampleCount:      new(prev.GetSampleCount() + delta.GetSampleCount()),
		SampleSum:        new(prev.GetSampleSum() + delta.GetSampleSum()),
		Bucket:           make([]*dto.Bucket, len(prev.Bucket)),
		CreatedTimestamp: prev.CreatedTimestamp,
	}
	for i, b := range prev.Bucket {
		next.Bucket[i] = &dto.Bucket{
			UpperBound:      b.UpperBound,
			CumulativeCount: new(b.GetCumulativeCount() + delta.Bucket[i].GetCumulativeCount()),
			Exemplar:        newest(b.Exemplar, delta.Bucket[i].Exemplar),
		}
	}
	return next
}

func addable(prev, delta *dto.Histogram) bool {
	_, carry := bits.Add64(prev.GetSampleCount(), delta.GetSampleCount(), 0)
	return carry == 0 && sameBounds(prev, delta) &&
		math.IsNaN(prev.GetSampleSum()) == math.IsNaN(delta.GetSampleSum())
}

func sameBounds(a, b *dto.Histogram) bool {
	if len(a.Bucket) != len(b.Bucket) {
		return false
	}
	for i := range a.Bucket {
		if a.Bucket[i].GetUpperBound() != b.Bucket[i].GetUpperBound() {
			return false
		}
	}
	return true
}

// newest prefers the delta's exemplar.
func newest(prev, delta *dto.Exemplar) *dto.Exemplar {
	if delta != nil {
		return delta
	}
	return prev
}
