package series

import (
	"encoding/binary"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// FindNext returns the slot behind that of the last series found if it is that of attributes within a scope. It compares
// them where they are, which costs about half of what it costs to write their key. If it returns false, Find may still
// find them.
func (t *Table[V]) FindNext(scope uint32, attrs pcommon.Map) (uint32, bool) {
	if t.cursor >= t.end {
		t.cursor = 0
	}
	if t.cursor >= t.end || !t.is(t.keys.Get(t.cursor), scope, attrs) {
		return 0, false
	}
	t.cursor++
	return t.cursor - 1, true
}

// is reports whether a key is that of attributes within a scope. It returns false for keys without a shape, and for some
// values that are no texts.
func (k *keyer) is(key []byte, scope uint32, attrs pcommon.Map) bool {
	number, n := binary.Uvarint(key)
	if n <= 0 || number != uint64(scope) {
		return false
	}
	shape, m := binary.Uvarint(key[n:])
	if m <= 0 || shape == 0 {
		return false
	}
	names, rest, i := k.shapes[shape-1], key[n+m:], 0
	if attrs.Len() != len(names) {
		return false
	}
	for name, value := range attrs.All() {
		if name != names[i] {
			return false
		}
		if rest = behind(rest, value); rest == nil {
			return false
		}
		i++
	}
	return true
}

// behind returns what follows a value that values begin with, not nil, or nil if they begin with another one.
func behind(values []byte, v pcommon.Value) []byte {
	text := v.Str() // empty for other types
	if text != "" {
		return behindText(values, text)
	}
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return behindText(values, text)
	case pcommon.ValueTypeInt:
		return behindNumber(values, pcommon.ValueTypeInt, uint64(v.Int()))
	case pcommon.ValueTypeDouble:
		return behindNumber(values, pcommon.ValueTypeDouble, math.Float64bits(v.Double()))
	case pcommon.ValueTypeBool, pcommon.ValueTypeBytes, pcommon.ValueTypeMap, pcommon.ValueTypeSlice, pcommon.ValueTypeEmpty:
	}
	return nil
}

func behindText(values []byte, text string) []byte {
	if len(values) < 2 || values[0] != byte(pcommon.ValueTypeStr) {
		return nil
	}
	length, n := uint64(values[1]), 1
	if length >= 0x80 {
		length, n = binary.Uvarint(values[1:])
	}
	end := 1 + n + len(text)
	if length != uint64(len(text)) || end > len(values) || string(values[1+n:end]) != text {
		return nil
	}
	return values[end:]
}

func behindNumber(values []byte, t pcommon.ValueType, bits uint64) []byte {
	if len(values) < 9 || values[0] != byte(t) || binary.LittleEndian.Uint64(values[1:]) != bits {
		return nil
	}
	return values[9:]
}
