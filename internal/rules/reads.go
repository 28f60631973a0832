package rules

import (
	"encoding/binary"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/sluice-metrics/sluice/internal/series"
)

// reads says what of an identity rules read, or write. Series that agree in it share an outcome. The metric itself is
// always part of it.
type reads struct {
	resource, scope bool
	// all says that all attributes of a point are read, keys which if not all are.
	all  bool
	keys []string
	// lengths has a bit set for the length of each key, so that most attributes are told apart by that alone.
	lengths uint64
}

// points reports whether any attribute of a point is read.
func (r *reads) points() bool { return r.all || len(r.keys) > 0 }

func (r *reads) add(o reads) {
	r.resource = r.resource || o.resource
	r.scope = r.scope || o.scope
	r.all = r.all || o.all
	for _, key := range o.keys {
		if !slices.Contains(r.keys, key) {
			r.keys = append(r.keys, key)
			r.lengths |= lengthBit(key)
		}
	}
}

func lengthBit(key string) uint64 { return 1 << (len(key) & 63) }

// index returns which of the keys this is, -1 if it is none.
func (r *reads) index(key string) int {
	if r.lengths&lengthBit(key) == 0 {
		return -1
	}
	for i, k := range r.keys {
		if len(k) == len(key) && (key == "" || k[len(k)-1] == key[len(key)-1]) && k == key { // names differ at their ends first
			return i
		}
	}
	return -1
}

// appendKey writes the attributes that are read, in their order and as often as they occur, so that no others have the same
// bytes.
func (r *reads) appendKey(dst []byte, attrs pcommon.Map) []byte {
	if r.all {
		return series.AppendExact(dst, attrs)
	}
	for key, value := range attrs.All() {
		if i := r.index(key); i >= 0 {
			dst = series.AppendExactValue(binary.AppendUvarint(dst, uint64(i)), value)
		}
	}
	return dst
}

// project copies the attributes that are read. A key that occurs twice still does.
func (r *reads) project(attrs, dst pcommon.Map) {
	attrs.CopyTo(dst)
	if !r.all {
		dst.RemoveIf(func(key string, _ pcommon.Value) bool { return r.index(key) < 0 })
	}
}
