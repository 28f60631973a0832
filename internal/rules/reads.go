package rules

import (
	"crypto/rand"
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
	keys []keyRead
	// lengths has a bit set for the length of each key, so that most attributes are told apart by that alone.
	lengths uint64
}

// keyRead is an attribute that is read: its value, or only whether it is there, as by what deletes it or sets it anew.
type keyRead struct {
	name  string
	value bool
}

// points reports whether any attribute of a point is read.
func (r *reads) points() bool { return r.all || len(r.keys) > 0 }

func (r *reads) add(o reads) {
	r.resource = r.resource || o.resource
	r.scope = r.scope || o.scope
	r.all = r.all || o.all
	for _, key := range o.keys {
		i := slices.IndexFunc(r.keys, func(k keyRead) bool { return k.name == key.name })
		if i < 0 {
			r.keys = append(r.keys, key)
			r.lengths |= lengthBit(key.name)
			continue
		}
		r.keys[i].value = r.keys[i].value || key.value
	}
}

func lengthBit(key string) uint64 { return 1 << (len(key) & 63) }

// index returns which of the keys this is, -1 if it is none.
func (r *reads) index(key string) int {
	if r.lengths&lengthBit(key) == 0 {
		return -1
	}
	for i := range r.keys {
		k := r.keys[i].name
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
			dst = binary.AppendUvarint(dst, uint64(i))
			if r.keys[i].value {
				dst = series.AppendExactValue(dst, value)
			}
		}
	}
	return dst
}

// project copies the attributes that are read. A key that occurs twice still does. A value that is not read becomes
// anyValue.
func (r *reads) project(attrs, dst pcommon.Map) {
	attrs.CopyTo(dst)
	if r.all {
		return
	}
	dst.RemoveIf(func(key string, value pcommon.Value) bool {
		i := r.index(key)
		if i >= 0 && !r.keys[i].value {
			value.SetEmptyBytes().FromRaw(anyValue)
		}
		return i < 0
	})
}

// anyValue stands for all values. It is equal to none that a rule sets, so that setting one is seen as a change.
var anyValue = []byte(rand.Text())
