package exposition

import (
	"encoding/hex"
	"slices"
	"sort"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// maxExemplarRunes bounds names and values of an exemplar's labels together, in OpenMetrics 1.0.
const maxExemplarRunes = 128

// latestExemplar returns nil when there is none.
func (t *translator) latestExemplar(exemplars pmetric.ExemplarSlice) *dto.Exemplar {
	var latest *dto.Exemplar
	for _, e := range exemplars.All() {
		latest = later(latest, t.exemplarOf(e))
	}
	return latest
}

// attachExemplars gives each bucket the latest exemplar that fell into it.
func (t *translator) attachExemplars(buckets []*dto.Bucket, exemplars pmetric.ExemplarSlice) {
	for _, e := range exemplars.All() {
		ex := t.exemplarOf(e)
		i := sort.Search(len(buckets), func(i int) bool { return ex.GetValue() <= buckets[i].GetUpperBound() })
		if i < len(buckets) {
			buckets[i].Exemplar = later(buckets[i].Exemplar, ex)
		}
	}
}

// timedExemplars leaves those without a time out, which native histograms do not allow.
func (t *translator) timedExemplars(exemplars pmetric.ExemplarSlice) []*dto.Exemplar {
	var timed []*dto.Exemplar
	for _, e := range exemplars.All() {
		if ex := t.exemplarOf(e); ex.Timestamp != nil {
			timed = append(timed, ex)
		}
	}
	slices.SortStableFunc(timed, func(a, b *dto.Exemplar) int {
		return a.GetTimestamp().AsTime().Compare(b.GetTimestamp().AsTime())
	})
	return timed
}

// later prefers b when neither is newer.
func later(a, b *dto.Exemplar) *dto.Exemplar {
	if a != nil && a.GetTimestamp().AsTime().After(b.GetTimestamp().AsTime()) {
		return a
	}
	return b
}

func (t *translator) exemplarOf(e pmetric.Exemplar) *dto.Exemplar {
	value := e.DoubleValue()
	if e.ValueType() == pmetric.ExemplarValueTypeInt {
		value = float64(e.IntValue())
	}
	return &dto.Exemplar{
		Label:     t.exemplarLabels(e),
		Value:     new(value),
		Timestamp: created(e.Timestamp()),
	}
}

// exemplarLabels drops attributes rather than the exemplar when they do not fit; the trace and span it belongs to
// come first and win over attributes of those names.
func (t *translator) exemplarLabels(e pmetric.Exemplar) []*dto.LabelPair {
	ids := traceLabels(e)
	var attrs []label
	for key, value := range e.FilteredAttributes().All() {
		name := t.exemplarLabelName(key)
		if slices.ContainsFunc(ids, func(id *dto.LabelPair) bool { return id.GetName() == name }) {
			continue
		}
		attrs = append(attrs, label{key: key, name: name, value: cleanText(value.AsString())})
	}
	room := maxExemplarRunes - runes(ids)
	for _, pair := range resolve(attrs, dto.MetricType_UNTYPED) {
		size := runes([]*dto.LabelPair{pair})
		if size <= room {
			room -= size
			ids = append(ids, pair)
		}
	}
	return ids
}

func traceLabels(e pmetric.Exemplar) []*dto.LabelPair {
	var pairs []*dto.LabelPair
	if id := e.TraceID(); !id.IsEmpty() {
		pairs = append(pairs, &dto.LabelPair{Name: new("trace_id"), Value: new(hex.EncodeToString(id[:]))})
	}
	if id := e.SpanID(); !id.IsEmpty() {
		pairs = append(pairs, &dto.LabelPair{Name: new("span_id"), Value: new(hex.EncodeToString(id[:]))})
	}
	return pairs
}

func runes(pairs []*dto.LabelPair) int {
	total := 0
	for _, p := range pairs {
		total += utf8.RuneCountInString(p.GetName()) + utf8.RuneCountInString(p.GetValue())
	}
	return total
}
