package exposition

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/sluice-metrics/sluice/internal/series"
)

// shapeText is what the plain series of a shape have in common.
type shapeText struct {
	// before is what stands before each value, such as `,path="` and `",method="`.
	before []string
	// names are the names as fields of a protobuf LabelPair.
	names []string
}

// appendOwn writes the labels of a series, without those it shares with its scope.
func (f *family) appendOwn(dst []byte, slot uint32, r *record) []byte {
	if r.flags&flagPlain == 0 {
		return append(dst, f.mu.odd[slot]...)
	}
	return f.appendPlain(dst, f.mu.series.KeyOf(slot))
}

// appendPlain writes labels in the order in which the attributes came.
func (f *family) appendPlain(dst, key []byte) []byte {
	shape, values := series.Split(key)
	before := f.mu.shapes[shape].before
	if len(before) == 0 {
		return dst
	}
	return append(series.AppendBehind(dst, before, values), '"')
}

// isPlain tells whether the labels of the point under way can be written from its key: none was joined, left out,
// cleaned or escaped.
func (r *reader) isPlain() bool {
	shape, _ := series.Split(r.key)
	if shape < 0 || len(r.own) != r.attrs.Len() {
		return false
	}
	for _, v := range r.attrs.All() {
		if !isPlainValue(v) {
			return false
		}
	}
	r.learnShape(shape)
	return true
}

// isPlainValue is false for floats, whose text is not in the key.
func isPlainValue(v pcommon.Value) bool {
	switch v.Type() {
	case pcommon.ValueTypeInt, pcommon.ValueTypeBool:
		return true
	case pcommon.ValueTypeDouble:
		return false
	case pcommon.ValueTypeStr, pcommon.ValueTypeBytes, pcommon.ValueTypeMap, pcommon.ValueTypeSlice, pcommon.ValueTypeEmpty:
	}
	text := v.AsString()
	return cleanText(text) == text && !strings.ContainsAny(text, escapesInQuotes)
}

// learnShape makes the texts of a shape the first time it is seen.
func (r *reader) learnShape(number int) {
	st := &r.family.mu
	for len(st.shapes) <= number {
		st.shapes = append(st.shapes, shapeText{})
	}
	keys := st.series.Shape(number)
	if len(st.shapes[number].before) == len(keys) {
		return
	}
	text, between := shapeText{}, ","
	for _, key := range keys {
		name := unreserved(r.names.labelName(key), r.family.typ)
		text.before = append(text.before, string(appendLabelName([]byte(between), name))+`="`)
		text.names = append(text.names, string(appendStringField(nil, 1, name)))
		between = `",`
		st.stateBytes += 2*len(name) + 40
	}
	st.shapes[number] = text
}

// setOdd keeps the labels of a series that is not plain; nil for one that is.
func (f *family) setOdd(slot uint32, text []byte) {
	const entry = 40
	if old, known := f.mu.odd[slot]; known {
		f.mu.stateBytes -= len(old) + entry
		delete(f.mu.odd, slot)
	}
	if text != nil {
		f.keepOdd(slot, string(text))
		f.mu.stateBytes += len(text) + entry
	}
}

// keepOdd puts a text at a slot, without account of it.
func (f *family) keepOdd(slot uint32, text string) {
	if f.mu.odd == nil {
		f.mu.odd = make(map[uint32]string)
	}
	f.mu.odd[slot] = text
}

// textSize is the memory that the labels of the point under way take.
func (r *reader) textSize() int {
	if r.flags&flagPlain != 0 {
		return 0
	}
	return len(r.text)
}
