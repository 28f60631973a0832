package otlp

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/xpdata"
	"go.opentelemetry.io/collector/pdata/xpdata/pref"
)

// Attributes are attributes that many points of many batches share: handing them to a point costs no more than moving a
// slice. A batch that has such points must be marked read-only before it is passed on, which makes whoever wants to
// change it work on a copy. The zero value has none.
type Attributes struct {
	// It is an array of one because copy is how vet lets a MapBuilder be copied.
	shared [1]xpdata.MapBuilder
	pairs  []Pair
}

// Pair is an attribute whose value is a string.
type Pair struct{ Key, Value string }

// NewAttributes keeps the pairs, whose keys must differ.
func NewAttributes(pairs []Pair) *Attributes {
	a := &Attributes{pairs: pairs}
	a.shared[0].EnsureCapacity(len(pairs))
	for _, p := range pairs {
		a.shared[0].AppendEmpty(p.Key).SetStr(p.Value)
	}
	return a
}

// Pairs are those it was made of; they must not be changed.
func (a *Attributes) Pairs() []Pair { return a.pairs }

// Into makes them the attributes of a point. While pdata pools its objects (gate pdata.useProtoPooling), the point gets
// a copy: what is shared would be given back several times.
func (a *Attributes) Into(m pcommon.Map) {
	if pref.UseProtoPooling.IsEnabled() {
		a.copyInto(m)
		return
	}
	var once [1]xpdata.MapBuilder
	copy(once[:], a.shared[:])
	once[0].UnsafeIntoMap(m)
}

func (a *Attributes) copyInto(m pcommon.Map) {
	m.EnsureCapacity(len(a.pairs))
	for _, p := range a.pairs {
		m.PutStr(p.Key, p.Value)
	}
}
