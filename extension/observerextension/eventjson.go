package observerextension

import (
	"math"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
)

// eventJSON is an event as webhooks and streams have it.
type eventJSON struct {
	Hook       string         `json:"hook"`
	Priority   string         `json:"priority"`
	Sequence   uint64         `json:"sequence"`
	Kind       string         `json:"kind"`
	Metric     metricJSON     `json:"metric"`
	Resource   resourceJSON   `json:"resource"`
	Scope      scopeJSON      `json:"scope"`
	Attributes map[string]any `json:"attributes"`
	Old        *sampleJSON    `json:"old,omitempty"`
	New        *sampleJSON    `json:"new,omitempty"`
	Firing     *bool          `json:"firing,omitempty"`
	Bound      *number        `json:"bound,omitempty"`
	Cause      string         `json:"cause,omitempty"`
	Previous   *metricJSON    `json:"previous,omitempty"`
	Merged     uint32         `json:"merged,omitempty"`
}

type metricJSON struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Unit        string `json:"unit,omitempty"`
	Description string `json:"description,omitempty"`
	Temporality string `json:"temporality,omitempty"`
	Monotonic   bool   `json:"monotonic,omitempty"`
}

type resourceJSON struct {
	SchemaURL  string         `json:"schema_url,omitempty"`
	Attributes map[string]any `json:"attributes"`
}

type scopeJSON struct {
	SchemaURL  string         `json:"schema_url,omitempty"`
	Name       string         `json:"name,omitempty"`
	Version    string         `json:"version,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
}

// sampleJSON is a value: of a histogram or summary its sum and count.
type sampleJSON struct {
	Value     any    `json:"value,omitempty"`
	Count     *int64 `json:"count,omitempty"`
	Time      string `json:"time"`
	StartTime string `json:"start_time,omitempty"`
}

// number is a float that JSON has no form for in some cases, which are texts then.
type number float64

// MarshalJSON writes NaN and infinities as Prometheus does.
func (n number) MarshalJSON() ([]byte, error) {
	f := float64(n)
	switch {
	case math.IsNaN(f):
		return []byte(`"NaN"`), nil
	case math.IsInf(f, 1):
		return []byte(`"+Inf"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Inf"`), nil
	default:
		return strconv.AppendFloat(nil, f, 'g', -1, 64), nil
	}
}

func newEventJSON(hook string, p Priority, e *Event) eventJSON {
	m := &e.Metric
	j := eventJSON{
		Hook: hook, Priority: p.String(), Sequence: m.Sequence, Kind: m.Kind.String(),
		Metric:     newMetricJSON(m.Name, m.Descriptor),
		Resource:   resourceJSON{SchemaURL: m.Resource.SchemaURL, Attributes: attributesJSON(m.Resource.Attributes)},
		Scope:      scopeJSON{SchemaURL: m.Scope.SchemaURL, Name: m.Scope.Name, Version: m.Scope.Version, Attributes: attributesJSON(m.Scope.Attributes)},
		Attributes: attributesJSON(m.Attributes),
		Old:        newSampleJSON(e.Old), New: newSampleJSON(e.New),
		Cause: m.Cause.String(), Merged: m.Merged,
	}
	if m.Kind == thresholdKind || m.Kind == cardinalityKind {
		bound := number(m.Bound)
		j.Firing, j.Bound = &m.Firing, &bound
	}
	if m.Previous != nil {
		previous := newMetricJSON(m.Name, m.Previous)
		j.Previous = &previous
	}
	return j
}

func newMetricJSON(name string, d *Descriptor) metricJSON {
	j := metricJSON{Name: name, Type: typeName(d.Type), Unit: d.Unit, Description: d.Description, Monotonic: d.Monotonic}
	if d.Temporality != pmetric.AggregationTemporalityUnspecified {
		j.Temporality = strings.ToLower(d.Temporality.String())
	}
	return j
}

func typeName(t pmetric.MetricType) string {
	if t == pmetric.MetricTypeExponentialHistogram {
		return "exponential_histogram"
	}
	return strings.ToLower(t.String())
}

func newSampleJSON(s Sample) *sampleJSON {
	if s.Timestamp == 0 && !s.Exists() {
		return nil
	}
	j := &sampleJSON{Time: timeText(s.Timestamp)}
	if s.StartTimestamp != 0 {
		j.StartTime = timeText(s.StartTimestamp)
	}
	if !s.Exists() {
		return j
	}
	j.Value = number(s.Float())
	if n, isInt := s.Int(); isInt {
		j.Value = n
	}
	if s.IsDistribution() {
		count := int64(s.Count)
		j.Count = &count
	}
	return j
}

func timeText(t pcommon.Timestamp) string { return t.AsTime().UTC().Format(time.RFC3339Nano) }

func attributesJSON(set attribute.Set) map[string]any {
	m := make(map[string]any, set.Len())
	for i := set.Iter(); i.Next(); {
		kv := i.Attribute()
		if kv.Value.Type() == attribute.FLOAT64 {
			m[string(kv.Key)] = number(kv.Value.AsFloat64())
			continue
		}
		m[string(kv.Key)] = kv.Value.AsInterface()
	}
	return m
}
