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
	// removes says that an attribute in keys may be removed, which brings a second one of that key to light.
	removes bool
}

// points reports whether any attribute of a point is read.
func (r *reads) points() bool { return r.all || len(r.keys) > 0 }

func (r *reads) add(o reads) {
	r.resource = r.resource || o.resource
	r.scope = r.scope || o.scope
	r.all = r.all || o.all
	r.removes = r.removes || o.removes
	for _, key := range o.keys {
		if !slices.Contains(r.keys, key) {
			r.keys = append(r.keys, key)
		}
	}
}

// appendKey writes the attributes that are read, so that no others have the same bytes.
func (r *reads) appendKey(dst []byte, attrs pcommon.Map) []byte {
	if r.all {
		return series.AppendExact(dst, attrs)
	}
	for i, key := range r.keys {
		if value, ok := attrs.Get(key); ok {
			dst = series.AppendExactValue(binary.AppendUvarint(dst, uint64(i)), value)
		}
	}
	if r.removes && r.repeated(attrs) { // no point without a repetition has such a key
		return series.AppendExact(binary.AppendUvarint(dst, uint64(len(r.keys))), attrs)
	}
	return dst
}

// repeated reports whether a key that is read occurs twice.
func (r *reads) repeated(attrs pcommon.Map) bool {
	for _, key := range r.keys {
		n := 0
		for name := range attrs.All() {
			if name == key {
				n++
			}
		}
		if n > 1 {
			return true
		}
	}
	return false
}

// project copies the attributes that are read. A key that occurs twice still does.
func (r *reads) project(attrs, dst pcommon.Map) {
	attrs.CopyTo(dst)
	if !r.all {
		dst.RemoveIf(func(key string, _ pcommon.Value) bool { return !slices.Contains(r.keys, key) })
	}
}
