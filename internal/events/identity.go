package events

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"

	"github.com/sluice-metrics/sluice/internal/series"
)

// Resource is what a metric is of.
type Resource struct {
	SchemaURL  string
	Attributes attribute.Set
}

// Scope is what has measured it.
type Scope struct {
	SchemaURL, Name, Version string
	Attributes               attribute.Set
}

// Descriptor is what a metric says of all its series.
type Descriptor struct {
	Type              pmetric.MetricType
	Unit, Description string
	Temporality       pmetric.AggregationTemporality
	// Monotonic says that a sum is a counter.
	Monotonic bool
}

// Series is the identity of a series. It never changes.
type Series struct {
	Resource *Resource
	Scope    *Scope
	Name     string
	*Descriptor
	Attributes attribute.Set
	// id is equal for what is the same series, also after it was removed and came again.
	id series.Fingerprint
}

func descriptorOf(m pmetric.Metric) Descriptor {
	d := Descriptor{Type: m.Type(), Unit: m.Unit(), Description: m.Description()}
	switch m.Type() {
	case pmetric.MetricTypeSum:
		d.Temporality, d.Monotonic = m.Sum().AggregationTemporality(), m.Sum().IsMonotonic()
	case pmetric.MetricTypeHistogram:
		d.Temporality = m.Histogram().AggregationTemporality()
	case pmetric.MetricTypeExponentialHistogram:
		d.Temporality = m.ExponentialHistogram().AggregationTemporality()
	case pmetric.MetricTypeGauge, pmetric.MetricTypeSummary, pmetric.MetricTypeEmpty:
	}
	return d
}

func (d *Descriptor) clone() *Descriptor {
	c := *d
	c.Unit, c.Description = strings.Clone(d.Unit), strings.Clone(d.Description)
	return &c
}

// maxKeys bounds the attribute keys that are kept once for all series.
const maxKeys = 4096

// renderer makes identities out of pdata. It copies all it takes.
type renderer struct {
	keys map[string]string
	list []attribute.KeyValue
}

func (r *renderer) resource(rm pmetric.ResourceMetrics) *Resource {
	return &Resource{SchemaURL: strings.Clone(rm.SchemaUrl()), Attributes: r.attributes(rm.Resource().Attributes())}
}

func (r *renderer) scope(sm pmetric.ScopeMetrics) *Scope {
	s := sm.Scope()
	return &Scope{
		SchemaURL: strings.Clone(sm.SchemaUrl()), Name: strings.Clone(s.Name()), Version: strings.Clone(s.Version()),
		Attributes: r.attributes(s.Attributes()),
	}
}

func (r *renderer) attributes(m pcommon.Map) attribute.Set {
	if m.Len() == 0 {
		return *attribute.EmptySet()
	}
	r.list = r.list[:0]
	for key, value := range m.All() {
		r.list = append(r.list, attribute.KeyValue{Key: attribute.Key(r.key(key)), Value: valueOf(value)})
	}
	set := attribute.NewSet(r.list...)
	clear(r.list)
	return set
}

// valueOf is text for what has no type of its own in an attribute.Set.
func valueOf(v pcommon.Value) attribute.Value {
	switch v.Type() {
	case pcommon.ValueTypeInt:
		return attribute.Int64Value(v.Int())
	case pcommon.ValueTypeDouble:
		return attribute.Float64Value(v.Double())
	case pcommon.ValueTypeBool:
		return attribute.BoolValue(v.Bool())
	case pcommon.ValueTypeStr, pcommon.ValueTypeBytes, pcommon.ValueTypeMap, pcommon.ValueTypeSlice, pcommon.ValueTypeEmpty:
	}
	return attribute.StringValue(strings.Clone(v.AsString()))
}

func (r *renderer) key(key string) string {
	if known, ok := r.keys[key]; ok {
		return known
	}
	own := strings.Clone(key)
	if r.keys == nil {
		r.keys = map[string]string{}
	}
	if len(r.keys) < maxKeys {
		r.keys[own] = own
	}
	return own
}
