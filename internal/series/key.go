package series

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// maxShapes bounds the lists of attribute keys a keyer remembers; those of further ones are spelt out in each key.
const maxShapes = 64

// keyer writes identities. Series of one metric mostly have the same attribute keys in the same order, so the list of
// them, the shape, is kept once and its number stands for it.
type keyer struct {
	shapes []shape
	last   int
	byKeys map[string]int
	key    []byte
	spelt  []byte
	// shapeBytes is about the memory of the shapes.
	shapeBytes int
}

type shape []string

// Key returns the identity of a series: attributes, order included, within a scope that the caller numbers. Different
// identities never have the same bytes. They are valid until the next call.
func (k *keyer) Key(scope uint32, attrs pcommon.Map) []byte {
	k.key = binary.AppendUvarint(k.key[:0], uint64(scope))
	if k.last < len(k.shapes) && k.appendShaped(k.last, attrs) {
		return k.key
	}
	return k.keyOfOtherShape(attrs)
}

// appendShaped returns false, and leaves the key as it was, when the attributes have another shape.
func (k *keyer) appendShaped(number int, attrs pcommon.Map) bool {
	keys := k.shapes[number]
	if attrs.Len() != len(keys) {
		return false
	}
	key, i := binary.AppendUvarint(k.key, uint64(number+1)), 0
	for name, value := range attrs.All() {
		if name != keys[i] {
			return false
		}
		key = appendValue(key, value)
		i++
	}
	k.key = key
	return true
}

func (k *keyer) keyOfOtherShape(attrs pcommon.Map) []byte {
	k.spelt = k.spelt[:0]
	for name := range attrs.All() {
		k.spelt = appendText(k.spelt, name, 0)
	}
	number, known := k.byKeys[string(k.spelt)]
	if !known {
		if len(k.shapes) == maxShapes {
			return k.keyWithoutShape(attrs)
		}
		number = k.learn(attrs)
	}
	k.last = number
	k.appendShaped(number, attrs)
	return k.key
}

func (k *keyer) learn(attrs pcommon.Map) int {
	keys := make(shape, 0, attrs.Len())
	for name := range attrs.All() {
		keys = append(keys, strings.Clone(name)) // name may be a part of something large
	}
	if k.byKeys == nil {
		k.byKeys = make(map[string]int)
	}
	k.byKeys[string(k.spelt)] = len(k.shapes)
	k.shapes = append(k.shapes, keys)
	k.shapeBytes += 2*len(k.spelt) + 16*len(keys) + 64
	return len(k.shapes) - 1
}

// keyWithoutShape has 0 where others have the number of their shape.
func (k *keyer) keyWithoutShape(attrs pcommon.Map) []byte {
	k.key = append(k.key, 0)
	k.key = appendText(k.key, string(k.spelt), 0)
	for _, value := range attrs.All() {
		k.key = appendValue(k.key, value)
	}
	return k.key
}

// appendValue writes the type along, so that the number 1 and the text "1" differ.
func appendValue(dst []byte, v pcommon.Value) []byte {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return appendText(dst, v.Str(), pcommon.ValueTypeStr)
	case pcommon.ValueTypeInt:
		return binary.LittleEndian.AppendUint64(append(dst, byte(pcommon.ValueTypeInt)), uint64(v.Int()))
	case pcommon.ValueTypeDouble:
		return binary.LittleEndian.AppendUint64(append(dst, byte(pcommon.ValueTypeDouble)), math.Float64bits(v.Double()))
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return append(dst, byte(pcommon.ValueTypeBool), 1)
		}
		return append(dst, byte(pcommon.ValueTypeBool), 0)
	case pcommon.ValueTypeBytes, pcommon.ValueTypeMap, pcommon.ValueTypeSlice, pcommon.ValueTypeEmpty:
		return appendText(dst, v.AsString(), v.Type())
	default:
		return appendText(dst, v.AsString(), v.Type())
	}
}

func appendText(dst []byte, text string, typ pcommon.ValueType) []byte {
	dst = append(dst, byte(typ))
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

// Shape returns the attribute keys of a shape.
func (k *keyer) Shape(number int) []string { return k.shapes[number] }

// Split returns the number of a key's shape and its values, one after the other. A key without a shape has number -1.
func Split(key []byte) (number int, values []byte) {
	_, n := binary.Uvarint(key)
	shape, m := binary.Uvarint(key[n:])
	return int(shape) - 1, key[n+m:]
}

// AppendBehind appends the text of each value, as pcommon.Value.AsString has it, behind the one of texts that belongs to
// it. Floats have no text.
func AppendBehind(dst []byte, texts []string, values []byte) []byte {
	for _, before := range texts {
		dst = append(dst, before...)
		if values[0] == byte(pcommon.ValueTypeStr) && values[1] < 0x80 { // the length of a short string is one byte
			end := 2 + int(values[1])
			dst = append(dst, values[2:end]...)
			values = values[end:]
			continue
		}
		dst, values = appendFirst(dst, values)
	}
	return dst
}

// Scratch is long enough for each text that First makes.
type Scratch [24]byte

// First returns the text of the first of a key's values, made in scratch if it is not in the key, and the rest of the
// values.
func First(scratch *Scratch, values []byte) (text, rest []byte) {
	switch pcommon.ValueType(values[0]) {
	case pcommon.ValueTypeInt, pcommon.ValueTypeDouble, pcommon.ValueTypeBool:
		return appendFirst(scratch[:0], values)
	case pcommon.ValueTypeStr, pcommon.ValueTypeBytes, pcommon.ValueTypeMap, pcommon.ValueTypeSlice, pcommon.ValueTypeEmpty:
	}
	length, n := binary.Uvarint(values[1:])
	begin := 1 + n
	end := begin + int(length)
	return values[begin:end], values[end:]
}

func appendFirst(dst, values []byte) (text, rest []byte) {
	typ, values := pcommon.ValueType(values[0]), values[1:]
	switch typ {
	case pcommon.ValueTypeInt:
		return strconv.AppendInt(dst, int64(binary.LittleEndian.Uint64(values)), 10), values[8:]
	case pcommon.ValueTypeDouble:
		return dst, values[8:]
	case pcommon.ValueTypeBool:
		return strconv.AppendBool(dst, values[0] == 1), values[1:]
	case pcommon.ValueTypeStr, pcommon.ValueTypeBytes, pcommon.ValueTypeMap, pcommon.ValueTypeSlice, pcommon.ValueTypeEmpty:
		return appendTextOf(dst, values)
	default:
		return appendTextOf(dst, values)
	}
}

func appendTextOf(dst, values []byte) (text, rest []byte) {
	length, n := binary.Uvarint(values)
	values = values[n:]
	return append(dst, values[:length]...), values[length:]
}

// AppendKey writes the identity of attributes by themselves, order included.
func AppendKey(dst []byte, attrs pcommon.Map) []byte {
	for name, value := range attrs.All() {
		dst = appendText(dst, name, 0)
		dst = appendValue(dst, value)
	}
	return dst
}

// AppendText writes a text so that no other texts have the same bytes.
func AppendText(dst []byte, text string) []byte { return appendText(dst, text, 0) }
