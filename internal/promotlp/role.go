package promotlp

import (
	"math"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// role is what a series is to the point that it is a part of.
type role uint8

const (
	roleUnresolved role = iota
	// roleDropped is that of series which relabelling drops, roleUnsupported of those OTLP has no place for.
	roleDropped
	roleUnsupported
	roleTargetInfo
	roleValue
	roleBucket
	roleQuantile
	roleSum
	roleCount
	roleCreated
	roleNative
)

// fits reports whether a series of the role can have the sample, which is a native histogram or a number.
func (r role) fits(native bool) bool {
	switch r {
	case roleUnresolved:
		return false
	case roleDropped:
		return true
	default:
		return native == (r == roleNative)
	}
}

// kind is the kind of a metric.
type kind uint8

const (
	kindGauge kind = iota
	kindCounter
	// kindInfo is a sum that is not monotonic: what info and stateset metrics are mapped to.
	kindInfo
	kindHistogram
	kindExponential
	kindSummary
)

// place is where a series belongs.
type place struct {
	metric string
	kind   kind
	role   role
	// family is nil if nothing is known of the metric.
	family *family
	// number is the bound of a bucket or the rank of a quantile.
	number float64
}

// place finds out by name and labels what a series of plain numbers is.
func (m *metadata) place(name string, lset labels.Labels) place {
	if name == targetInfo {
		return place{role: roleTargetInfo}
	}
	if f := m.families[name]; f != nil {
		return f.whole(name, lset)
	}
	for _, s := range suffixes {
		base, ok := strings.CutSuffix(name, s.text)
		if f := m.families[base]; ok && f != nil {
			if p, ok := f.part(name, s, lset); ok {
				return p
			}
		}
	}
	return m.placeOfCounter(name)
}

// placeOfCounter places a series that may belong to a counter whose family is known by the name of its samples.
func (m *metadata) placeOfCounter(name string) place {
	base, created := strings.CutSuffix(name, "_created")
	if f := m.families[base+"_total"]; created && f != nil && f.typ == model.MetricTypeCounter {
		return place{metric: f.name, kind: kindCounter, role: roleCreated, family: f}
	}
	if f := m.families[name+"_total"]; f != nil && m.openMetrics && f.typ == model.MetricTypeCounter {
		return place{metric: name, kind: kindCounter, role: roleValue, family: f}
	}
	return place{metric: name, kind: kindGauge, role: roleValue}
}

// targetInfo is the metric whose labels are attributes of the resource.
const targetInfo = "target_info"

// suffix is what a family's name is followed by in names of its samples.
type suffix struct {
	text string
	role role
}

var suffixes = []suffix{
	{"_total", roleValue},
	{"_bucket", roleBucket},
	{"_count", roleCount},
	{"_sum", roleSum},
	{"_created", roleCreated},
	{"_info", roleValue},
	{"_gcount", roleCount},
	{"_gsum", roleSum},
}

// whole places a series that has the name of the family itself.
func (f *family) whole(name string, lset labels.Labels) place {
	switch f.typ {
	case model.MetricTypeCounter:
		return place{metric: name, kind: kindCounter, role: roleValue, family: f}
	case model.MetricTypeInfo, model.MetricTypeStateset:
		return place{metric: name, kind: kindInfo, role: roleValue, family: f}
	case model.MetricTypeSummary:
		if rank, ok := number(lset, model.QuantileLabel); ok {
			return place{metric: name, kind: kindSummary, role: roleQuantile, family: f, number: rank}
		}
		return place{metric: name, kind: kindGauge, role: roleValue}
	case model.MetricTypeHistogram, model.MetricTypeGaugeHistogram:
		return place{metric: name, kind: kindGauge, role: roleValue}
	default:
		return place{metric: name, kind: kindGauge, role: roleValue, family: f}
	}
}

// part places a series whose name is that of the family and a suffix. It reports whether such a thing belongs to the
// family.
func (f *family) part(name string, s suffix, lset labels.Labels) (p place, ok bool) {
	switch f.typ {
	case model.MetricTypeCounter:
		return place{metric: f.name + "_total", kind: kindCounter, role: s.role, family: f}, s.text == "_total" || s.role == roleCreated
	case model.MetricTypeInfo:
		return place{metric: name, kind: kindInfo, role: s.role, family: f}, s.text == "_info"
	case model.MetricTypeSummary:
		ok := s.text == "_sum" || s.text == "_count" || s.role == roleCreated
		return place{metric: f.name, kind: kindSummary, role: s.role, family: f}, ok
	case model.MetricTypeHistogram:
		bound, ok := number(lset, model.BucketLabel)
		ok = ok && s.role == roleBucket || s.text == "_sum" || s.text == "_count" || s.role == roleCreated
		return place{metric: f.name, kind: kindHistogram, role: s.role, family: f, number: bound}, ok
	case model.MetricTypeGaugeHistogram:
		return place{role: roleUnsupported}, s.text != "_total" && s.text != "_info"
	default:
		return place{}, false
	}
}

// number reads a label that is a number.
func number(lset labels.Labels, name string) (float64, bool) {
	v, err := strconv.ParseFloat(lset.Get(name), 64)
	return v, err == nil && !math.IsNaN(v)
}

// placeOfNative places a series of native histograms.
func (m *metadata) placeOfNative(name string, k kind) place {
	return place{metric: name, kind: k, role: roleNative, family: m.families[name]}
}
