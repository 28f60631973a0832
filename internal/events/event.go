package events

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Event is what has happened to a metric, with its value before and after. What it points to never changes: it may be kept.
type Event struct {
	Metric   Metric
	Old, New Sample
}

// Metric is whose event it is, and what has happened.
type Metric struct {
	// Series is the series; for Changed and Cardinality it is the metric, without attributes, and for Cardinality without
	// resource and scope, too.
	*Series
	// Sequence numbers the events for one hook, from 1 on: where a number is missing, an event was dropped.
	Sequence uint64
	// Bound is what was crossed, of Threshold and Cardinality.
	Bound float64
	// Previous is what the metric was before, of Changed.
	Previous *Descriptor
	// Merged is how many earlier events of the series this one stands for as well, of a hook that debounces.
	Merged uint32
	Kind   Kind
	// Cause is why a series was removed. A threshold has one when it is over for that.
	Cause Cause
	// Firing says that the bound is exceeded now, of Threshold and Cardinality.
	Firing bool
}

type sampleType uint8

const (
	noValue sampleType = iota
	intValue
	floatValue
	distribution
)

// Sample is the value of a series at a time. That of a histogram or summary is its sum.
type Sample struct {
	Timestamp, StartTimestamp pcommon.Timestamp
	// Count is that of a histogram or summary.
	Count uint64
	bits  uint64
	typ   sampleType
}

// Exists reports whether there is a value: not before a series was created, nor after it was removed.
func (s Sample) Exists() bool { return s.typ != noValue }

// Float returns the value, NaN if there is none.
func (s Sample) Float() float64 {
	switch s.typ {
	case intValue:
		return float64(int64(s.bits))
	case floatValue, distribution:
		return math.Float64frombits(s.bits)
	case noValue:
	}
	return math.NaN()
}

// Int returns the value if it is an integer.
func (s Sample) Int() (int64, bool) { return int64(s.bits), s.typ == intValue }

// IsDistribution reports whether the sample is that of a histogram or summary.
func (s Sample) IsDistribution() bool { return s.typ == distribution }

// same compares values, not times.
func (s Sample) same(o Sample) bool { return s.bits == o.bits && s.typ == o.typ && s.Count == o.Count }

func (s Sample) withFloat(typ sampleType, f float64) Sample {
	s.typ, s.bits = typ, math.Float64bits(f)
	return s
}

// IntSample returns a sample with an integer.
func IntSample(at pcommon.Timestamp, n int64) Sample {
	return Sample{Timestamp: at, bits: uint64(n), typ: intValue}
}

// FloatSample returns a sample with a floating-point number.
func FloatSample(at pcommon.Timestamp, f float64) Sample {
	return Sample{Timestamp: at, bits: math.Float64bits(f), typ: floatValue}
}
