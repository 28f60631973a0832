package exposition

import (
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// reader reads the points of one metric.
type reader struct {
	*batch
	heading heading
	base    []label
}

// add appends a point whose value fill writes; a staleness marker has none, so fill is not called for it.
// fill returns a reason to refuse the point, or "".
func (r *reader) add(dp dataPoint, delta bool, fill func(*dto.Metric) Reason) {
	labels := resolve(r.names.appendAttributes(slices.Clone(r.base), dp.Attributes()), r.heading.typ)
	p := point{
		heading: r.heading,
		key:     seriesKey(labels),
		metric:  &dto.Metric{Label: labels, TimestampMs: r.timestampMs(dp.Timestamp())},
		time:    dp.Timestamp(),
		start:   dp.StartTimestamp(),
		delta:   delta,
		stale:   isStale(dp),
	}
	if !p.stale {
		p.refusal = fill(p.metric)
		r.live++
	}
	r.points = append(r.points, p)
}

func isStale(dp dataPoint) bool {
	return dp.Flags().NoRecordedValue()
}

func (r *reader) timestampMs(ts pcommon.Timestamp) *int64 {
	if !r.opts.SendTimestamps || ts == 0 {
		return nil
	}
	return new(int64(ts / 1e6))
}

// created is nil when the start time is unset, or later than time.Time can tell in nanoseconds.
func created(ts pcommon.Timestamp) *timestamppb.Timestamp {
	if ts == 0 || ts > math.MaxInt64 {
		return nil
	}
	return timestamppb.New(ts.AsTime())
}

// temporality returns whether points are deltas, or the reason to refuse all that are not staleness markers.
func temporality(t pmetric.AggregationTemporality) (bool, Reason) {
	switch t {
	case pmetric.AggregationTemporalityDelta:
		return true, ""
	case pmetric.AggregationTemporalityCumulative:
		return false, ""
	case pmetric.AggregationTemporalityUnspecified:
		return false, ReasonUnspecifiedTemporality
	default:
		return false, ReasonUnspecifiedTemporality
	}
}
