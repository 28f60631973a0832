package rules

import (
	"encoding/binary"
	"strings"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/series"
)

// outcome is what a run of rules does to a point. It is shared by all it fits and never changed.
type outcome struct {
	// matched are the rules that apply, by their place in the run.
	matched []int
	// dropped is the rule that removes the point, -1 if none does.
	dropped int
	// fields are the metric's new texts, nil if they stay.
	fields *metricFields
	// edits change the point's attributes, one after the other, and room is for how many more there have to be places.
	edits []edit
	room  int
	// values are to run on the point itself, after that.
	values []pendingValue
}

// metricFields are the texts of a metric that a statement may set.
type metricFields struct{ name, description, unit string }

func fieldsOf(m pmetric.Metric) metricFields {
	return metricFields{name: m.Name(), description: m.Description(), unit: m.Unit()}
}

func (f *metricFields) into(m pmetric.Metric) {
	m.SetName(f.name)
	m.SetDescription(f.description)
	m.SetUnit(f.unit)
}

func (f *metricFields) clone() *metricFields {
	return &metricFields{name: strings.Clone(f.name), description: strings.Clone(f.description), unit: strings.Clone(f.unit)}
}

// roomFor returns by how many attributes a point has more at most while it is edited.
func roomFor(edits []edit) (room int) {
	more := 0
	for i := range edits {
		more += edits[i].grows()
		room = max(room, more)
	}
	return room
}

// signature is equal for outcomes that do the same.
func (o *outcome) signature() string {
	b := binary.AppendVarint(nil, int64(o.dropped))
	b = binary.AppendUvarint(b, uint64(len(o.matched)))
	for _, rule := range o.matched {
		b = binary.AppendUvarint(b, uint64(rule))
	}
	if o.fields != nil {
		b = series.AppendText(append(b, 1), o.fields.name)
		b = series.AppendText(b, o.fields.description)
		b = series.AppendText(b, o.fields.unit)
	}
	for i := range o.edits {
		b = o.edits[i].signature(append(b, 2))
	}
	for _, v := range o.values {
		b = append(b, 3)
		b = binary.AppendUvarint(b, uint64(v.rule))
		b = series.AppendText(b, v.statement.text) // two of one text in one rule do the same
	}
	return string(b)
}
