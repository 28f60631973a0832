package exposition

// Reason says why a data point was refused.
type Reason string

// The reasons for which a point is refused.
const (
	// ReasonInvalidName: the metric name is empty or leaves no valid Prometheus name.
	ReasonInvalidName Reason = "invalid_name"
	// ReasonInvalidValue: a delta that is negative or not finite, or a number point without a number.
	ReasonInvalidValue Reason = "invalid_value"
	// ReasonInvalidHistogram: bounds and counts do not fit together.
	ReasonInvalidHistogram Reason = "invalid_histogram"
	// ReasonInvalidSummary: a quantile is repeated or not within 0 and 1.
	ReasonInvalidSummary Reason = "invalid_summary"
	// ReasonUnsupportedScale: an exponential histogram is coarser than native histograms can be (scale < -4).
	ReasonUnsupportedScale Reason = "unsupported_scale"
	// ReasonMissingSum: an exponential histogram without a sum has no native form.
	ReasonMissingSum Reason = "missing_sum"
	// ReasonUnspecifiedTemporality: a sum or histogram is neither cumulative nor delta.
	ReasonUnspecifiedTemporality Reason = "unspecified_temporality"
	// ReasonDeltaNonMonotonic: deltas of a non-monotonic sum have no Prometheus form.
	ReasonDeltaNonMonotonic Reason = "delta_non_monotonic"
	// ReasonMisalignedDelta: a delta does not start where the previous one ended.
	ReasonMisalignedDelta Reason = "misaligned_delta"
	// ReasonTemporalityConflict: the series is already fed with the other temporality.
	ReasonTemporalityConflict Reason = "temporality_conflict"
	// ReasonOutOfOrder: the point is older than the state of its series.
	ReasonOutOfOrder Reason = "out_of_order"
	// ReasonDuplicateSeries: a later point of the same batch has the same labels and time, and won.
	ReasonDuplicateSeries Reason = "duplicate_series"
	// ReasonTypeConflict: the family exists with another type.
	ReasonTypeConflict Reason = "type_conflict"
	// ReasonNameConflict: the samples of the family would carry names another family's samples have.
	ReasonNameConflict Reason = "name_conflict"
	// ReasonMaxSeries and ReasonMaxMemory: the store is full.
	ReasonMaxSeries Reason = "max_series"
	ReasonMaxMemory Reason = "max_memory"
	// ReasonUnknownType: the metric carries no data, or a kind this version does not know.
	ReasonUnknownType Reason = "unknown_type"
	// ReasonEscapingConflict: under the escaping one page asked for, the point's series or family is already taken.
	// It is counted once per page, not once per point received.
	ReasonEscapingConflict Reason = "escaping_conflict"
)

// Outcome is what became of one batch.
type Outcome struct {
	// Accepted counts the points taken, staleness markers included.
	Accepted int
	// Refused counts the points refused, by reason; nil when there are none.
	Refused map[Reason]int
	// Conflicting counts the metrics that disagreed with another one, by what about; nil when there are none.
	Conflicting map[ConflictKind]int
	// Conflicts holds what is worth a log line: at most one of a kind for each family.
	Conflicts []Conflict
}

func (o *Outcome) conflict(kind ConflictKind) {
	if o.Conflicting == nil {
		o.Conflicting = make(map[ConflictKind]int)
	}
	o.Conflicting[kind]++
}

func (o *Outcome) refuse(reason Reason, points int) {
	if points == 0 {
		return
	}
	if o.Refused == nil {
		o.Refused = make(map[Reason]int)
	}
	o.Refused[reason] += points
}
