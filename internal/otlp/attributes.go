package otlp

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/xpdata"
	"go.opentelemetry.io/collector/pdata/xpdata/pref"
)

// Attributes are attributes that many points of many batches share: handing them to a point costs no more than moving a
// slice. A batch that has such points must be marked read-only before it is passed on, which makes whoever wants to
// change it work on a copy.
type Attributes struct {
	// It is an array of one because copy is how vet lets a MapBuilder be copied.
	shared [1]xpdata.MapBuilder
	// view is the same slice.
	view pcommon.Map
}

// Pair is an attribute whose value is a string.
type Pair struct{ Key, Value string }

// NewAttributes makes attributes of the pairs, whose keys must differ.
func NewAttributes(pairs []Pair) *Attributes {
	a := &Attributes{view: pcommon.NewMap()}
	a.shared[0].EnsureCapacity(len(pairs))
	for _, p := range pairs {
		a.shared[0].AppendEmpty(p.Key).SetStr(p.Value)
	}
	a.share(a.view)
	return a
}

// Equal reports whether they are those pairs, in their order.
func (a *Attributes) Equal(pairs []Pair) bool {
	if a.view.Len() != len(pairs) {
		return false
	}
	i := 0
	for k, v := range a.view.All() {
		if k != pairs[i].Key || v.Str() != pairs[i].Value {
			return false
		}
		i++
	}
	return true
}

// Into makes them the attributes of a point. While pdata pools its objects (gate pdata.useProtoPooling), the point gets
// a copy: what is shared would be given back several times.
func (a *Attributes) Into(m pcommon.Map) {
	if pref.UseProtoPooling.IsEnabled() {
		a.view.CopyTo(m)
		return
	}
	a.share(m)
}

func (a *Attributes) share(m pcommon.Map) {
	var once [1]xpdata.MapBuilder
	copy(once[:], a.shared[:])
	once[0].UnsafeIntoMap(m)
}
