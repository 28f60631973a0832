package series

import (
	"encoding/binary"
	"hash/maphash"
	"math"

	"github.com/zeebo/xxh3"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Fingerprint stands for an identity of any length. Two identities share one by chance once in 2^64 pairs of 2^32; the
// hash is seeded anew in each process, so that nobody can prepare such a pair.
type Fingerprint struct{ hi, lo uint64 }

var fingerprintSeed = maphash.Bytes(maphash.MakeSeed(), nil)

// FingerprintOf returns the fingerprint of an identity.
func FingerprintOf(identity []byte) Fingerprint {
	h := xxh3.Hash128Seed(identity, fingerprintSeed)
	return Fingerprint{hi: h.Hi, lo: h.Lo}
}

// Place spreads fingerprints over so many places, a power of two.
func (f Fingerprint) Place(places uint64) uint64 { return f.hi & (places - 1) }

// Append writes the fingerprint as the beginning of a further identity.
func (f Fingerprint) Append(dst []byte) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, f.hi), f.lo)
}

// AppendExact writes attributes so that attributes that differ in anything, be it their order or the type of a number
// deep inside, never have the same bytes.
func AppendExact(dst []byte, attrs pcommon.Map) []byte {
	dst = binary.AppendUvarint(dst, uint64(attrs.Len()))
	for name, value := range attrs.All() {
		dst = binary.AppendUvarint(dst, uint64(len(name)))
		dst = append(dst, name...)
		dst = AppendExactValue(dst, value)
	}
	return dst
}

// AppendExactValue writes a value as AppendExact does.
func AppendExactValue(dst []byte, v pcommon.Value) []byte {
	dst = append(dst, byte(v.Type()))
	switch v.Type() {
	case pcommon.ValueTypeStr:
		text := v.Str()
		dst = binary.AppendUvarint(dst, uint64(len(text)))
		return append(dst, text...)
	case pcommon.ValueTypeInt:
		return binary.LittleEndian.AppendUint64(dst, uint64(v.Int()))
	case pcommon.ValueTypeDouble:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.Double()))
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return append(dst, 1)
		}
		return append(dst, 0)
	case pcommon.ValueTypeBytes:
		dst = binary.AppendUvarint(dst, uint64(v.Bytes().Len()))
		return append(dst, v.Bytes().AsRaw()...)
	case pcommon.ValueTypeMap:
		return AppendExact(dst, v.Map())
	case pcommon.ValueTypeSlice:
		dst = binary.AppendUvarint(dst, uint64(v.Slice().Len()))
		for _, e := range v.Slice().All() {
			dst = AppendExactValue(dst, e)
		}
		return dst
	case pcommon.ValueTypeEmpty:
	}
	return dst
}
