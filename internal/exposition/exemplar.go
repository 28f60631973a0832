package exposition

import (
	"encoding/hex"
	"slices"
	"sort"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// maxExemplarRunes bounds names and values of an exemplar's labels together, in OpenMetrics 1.0.
const maxExemplarRunes = 128

// exemplar is immutable. Its labels are a text as those of series are.
type exemplar struct {
	labels string
	value  float64
	// time is 0 when there is none.
	time pcommon.Timestamp
}

func (e *exemplar) size() int { return 48 + len(e.labels) }

// latestExemplar returns nil when there is none.
func (t *translator) latestExemplar(exemplars pmetric.ExemplarSlice) *exemplar {
	var latest *exemplar
	for _, e := range exemplars.All() {
		latest = later(latest, t.exemplarOf(e))
	}
	return latest
}

// bucketExemplars gives each bucket the latest exemplar that fell into it; into holds as many as there are bounds, and
// one more. Without any exemplar, it returns into as it was.
func (t *translator) bucketExemplars(into []*exemplar, bounds []float64, exemplars pmetric.ExemplarSlice) []*exemplar {
	for _, e := range exemplars.All() {
		if into == nil {
			into = make([]*exemplar, len(bounds)+1)
		}
		ex := t.exemplarOf(e)
		i := sort.SearchFloat64s(bounds, ex.value)
		into[i] = later(into[i], ex)
	}
	return into
}

// timedExemplars leaves those without a time out, which native histograms do not allow.
func (t *translator) timedExemplars(exemplars pmetric.ExemplarSlice) []*exemplar {
	var timed []*exemplar
	for _, e := range exemplars.All() {
		if ex := t.exemplarOf(e); ex.time != 0 {
			timed = append(timed, ex)
		}
	}
	slices.SortStableFunc(timed, func(a, b *exemplar) int {
		if a.time < b.time {
			return -1
		}
		return int(min(a.time-b.time, 1))
	})
	return timed
}

// later prefers b when neither is newer.
func later(a, b *exemplar) *exemplar {
	if a != nil && a.time > b.time {
		return a
	}
	return b
}

func (t *translator) exemplarOf(e pmetric.Exemplar) *exemplar {
	value := e.DoubleValue()
	if e.ValueType() == pmetric.ExemplarValueTypeInt {
		value = float64(e.IntValue())
	}
	return &exemplar{
		labels: string(appendLabels(nil, t.exemplarLabels(e))),
		value:  value,
		time:   usable(e.Timestamp()),
	}
}

// exemplarLabels drops attributes rather than the exemplar when they do not fit; the trace and span it belongs to
// come first and win over attributes of those names.
func (t *translator) exemplarLabels(e pmetric.Exemplar) []label {
	ids := traceLabels(e)
	var attrs []label
	for key, value := range e.FilteredAttributes().All() {
		name := t.exemplarLabelName(key)
		if slices.ContainsFunc(ids, func(id label) bool { return id.name == name }) {
			continue
		}
		attrs = append(attrs, label{key: key, name: name, value: cleanText(value.AsString())})
	}
	room := maxExemplarRunes - runes(ids...)
	for _, l := range resolve(attrs, dto.MetricType_UNTYPED) {
		if size := runes(l); size <= room {
			room -= size
			ids = append(ids, l)
		}
	}
	return ids
}

func traceLabels(e pmetric.Exemplar) []label {
	var ls []label
	if id := e.TraceID(); !id.IsEmpty() {
		ls = append(ls, label{name: "trace_id", value: hex.EncodeToString(id[:])})
	}
	if id := e.SpanID(); !id.IsEmpty() {
		ls = append(ls, label{name: "span_id", value: hex.EncodeToString(id[:])})
	}
	return ls
}

func runes(ls ...label) int {
	total := 0
	for _, l := range ls {
		total += utf8.RuneCountInString(l.name) + utf8.RuneCountInString(l.value)
	}
	return total
}
