package exposition

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// gaugeValues reads the points of gauges and of sums that are not monotonic.
type gaugeValues struct{ *reader }

func (gaugeValues) check(p pmetric.NumberDataPoint) Reason {
	if p.ValueType() == pmetric.NumberDataPointValueTypeEmpty {
		return ReasonInvalidValue
	}
	return ""
}

func (gaugeValues) size(pmetric.NumberDataPoint) int { return 0 }

func (v gaugeValues) set(slot uint32, r *record, p pmetric.NumberDataPoint) bool {
	r.value = number(p)
	if v.family.only != "" && !v.family.mu.misfit {
		v.family.mu.misfit = !v.fits(slot, r)
	}
	return true
}

func (gaugeValues) add(uint32, *record, pmetric.NumberDataPoint) bool { return false } // deltas are refused

// fits tells whether a series may stand in a family of the type OpenMetrics alone knows.
func (v gaugeValues) fits(slot uint32, r *record) bool {
	if v.family.only == kindInfo {
		return r.value == 1
	}
	for _, l := range v.labelsOf(v.family, slot) {
		if l.name == v.family.name {
			return r.value == 0 || r.value == 1
		}
	}
	return false
}

// counterValues reads the points of monotonic sums.
type counterValues struct{ *reader }

// check refuses what no counter can be, and deltas that would spoil the total for good.
func (v counterValues) check(p pmetric.NumberDataPoint) Reason {
	n := number(p)
	if p.ValueType() == pmetric.NumberDataPointValueTypeEmpty || math.IsNaN(n) || n < 0 || v.delta && math.IsInf(n, 1) {
		return ReasonInvalidValue
	}
	return ""
}

func (v counterValues) size(pmetric.NumberDataPoint) int { return 0 }

func (v counterValues) set(slot uint32, r *record, p pmetric.NumberDataPoint) bool {
	r.value = number(p)
	if v.family.mu.exemplars != nil {
		v.family.setExemplar(slot, nil)
	}
	v.keepLatest(slot, p)
	return true
}

// add keeps the last exemplar when the delta has none.
func (v counterValues) add(slot uint32, r *record, p pmetric.NumberDataPoint) bool {
	r.value += number(p)
	v.keepLatest(slot, p)
	return true
}

func (v counterValues) keepLatest(slot uint32, p pmetric.NumberDataPoint) {
	if v.hasRoomForExemplars(min(p.Exemplars().Len(), 1)) {
		v.family.setExemplar(slot, v.names.latestExemplar(p.Exemplars()))
	}
}

// number is 0 for a point without a number.
func number(p pmetric.NumberDataPoint) float64 {
	if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
		return float64(p.IntValue())
	}
	return p.DoubleValue()
}
