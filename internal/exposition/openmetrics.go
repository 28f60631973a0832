package exposition

import (
	"strings"

	dto "github.com/prometheus/client_model/go"
)

const (
	totalSuffix   = "_total"
	infoSuffix    = "_info"
	createdSuffix = "_created"
)

// openMetricsFamily is how OpenMetrics 1.0 calls a family. There the name of a counter family has no _total, that of
// info has no _info, and no two families may meet.
type openMetricsFamily struct {
	name, typ string
	// created tells that there is room for _created lines.
	created bool
}

// openMetricsFamilies names families. One that would meet another keeps its name under a type that has no suffix, as a
// counter without the suffix does; _created lines that would are left out.
func openMetricsFamilies(families []*family) []openMetricsFamily {
	claims := make(claims, len(families))
	for _, f := range families {
		claims.add(f.name, f.typ, f.only)
	}
	out := make([]openMetricsFamily, len(families))
	for i, f := range families {
		out[i] = claims.name(f.name, f.typ, f.only)
	}
	return out
}

// claims counts the families that would like to have a name, as a family or as a sample.
type claims map[string]int

func (c claims) add(name string, typ dto.MetricType, only string) {
	for _, sample := range sampleNames(name, typ) {
		c[sample]++
	}
	if base, _ := openMetricsBase(name, typ, only); base != name {
		c[base]++
	}
}

func (c claims) name(name string, typ dto.MetricType, only string) openMetricsFamily {
	base, word := openMetricsBase(name, typ, only)
	switch {
	case typ == dto.MetricType_COUNTER && (base == name || base == "" || c[base] > 1):
		return openMetricsFamily{name: name, typ: "unknown"}
	case only == kindInfo && (base == name || base == "" || c[base] > 1):
		return openMetricsFamily{name: name, typ: "gauge"}
	default:
		return openMetricsFamily{name: base, typ: word, created: c[base+createdSuffix] == 0}
	}
}

// openMetricsBase returns the name and the type a family has when nothing is in its way.
func openMetricsBase(name string, typ dto.MetricType, only string) (base, word string) {
	switch {
	case typ == dto.MetricType_COUNTER:
		return strings.TrimSuffix(name, totalSuffix), "counter"
	case only == kindInfo:
		return strings.TrimSuffix(name, infoSuffix), kindInfo
	case only == kindStateset:
		return name, kindStateset
	case typ == dto.MetricType_UNTYPED:
		return name, "unknown"
	default:
		return name, typeWord(typ)
	}
}

// typeWord is the type's word in the text format.
func typeWord(typ dto.MetricType) string {
	switch typ {
	case dto.MetricType_COUNTER:
		return "counter"
	case dto.MetricType_GAUGE:
		return "gauge"
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		return "histogram"
	case dto.MetricType_SUMMARY:
		return "summary"
	case dto.MetricType_UNTYPED:
		return "untyped"
	default:
		return "untyped"
	}
}

// toOpenMetrics fits the families of a slow page into OpenMetrics. Its encoder knows neither info nor stateset.
func toOpenMetrics(mfs []*dto.MetricFamily) []*dto.MetricFamily {
	claims := make(claims, len(mfs))
	for _, mf := range mfs {
		claims.add(mf.GetName(), mf.GetType(), "")
	}
	for _, mf := range mfs {
		om := claims.name(mf.GetName(), mf.GetType(), "")
		if !om.created {
			withoutCreated(mf)
		}
		if om.typ == "unknown" {
			toUnknown(mf)
		}
	}
	return mfs
}

func toUnknown(mf *dto.MetricFamily) {
	if mf.GetType() != dto.MetricType_COUNTER {
		return
	}
	for _, m := range mf.Metric {
		m.Untyped = &dto.Untyped{Value: m.Counter.Value}
		m.Counter = nil
	}
	mf.Type = dto.MetricType_UNTYPED.Enum()
	if unitOf(mf.GetName(), mf.GetUnit(), dto.MetricType_UNTYPED) == "" {
		mf.Unit = nil
	}
}

func withoutCreated(mf *dto.MetricFamily) {
	for _, m := range mf.Metric {
		switch {
		case m.Counter != nil:
			m.Counter.CreatedTimestamp = nil
		case m.Summary != nil:
			m.Summary.CreatedTimestamp = nil
		case m.Histogram != nil:
			m.Histogram.CreatedTimestamp = nil
		}
	}
}
