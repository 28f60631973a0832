package exposition

import (
	"hash/maphash"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// locate finds the series of a point: by its attributes as they came, or else by the labels they become, for another
// order of attributes or another resource may make the same series.
func (r *reader) locate(attrs pcommon.Map) (uint32, bool) {
	st := &r.family.mu
	r.attrs, r.key = attrs, st.series.Key(r.scope.id, attrs)
	slot, found := st.series.Find(r.key)
	r.foreign = !found
	if found {
		return slot, true
	}
	return r.locateLabels()
}

func (r *reader) locateLabels() (uint32, bool) {
	r.render()
	r.hash = r.hashLabels(r.all)
	return r.family.mu.labels.Find(r.hash, func(slot uint32) bool {
		return sameLabels(r.all, r.labelsOf(r.family, slot))
	})
}

// render makes all labels of the point under way, and the text of those that it does not share with its scope. The text
// is whole when the two do not go together: then it has them all.
func (r *reader) render() {
	typ := r.family.typ
	r.own = r.names.appendAttributes(r.own[:0], r.attrs)
	r.all = resolve(append(append(r.all[:0], r.scope.base...), r.own...), typ)
	r.own = resolve(r.own, typ)
	r.flags = 0
	if overlaps(r.own, r.scope.labels) || reserves(r.scope.labels, typ) {
		r.flags, r.own = flagWhole, append(r.own[:0], r.all...)
	}
	r.text = appendLabels(r.text[:0], r.own)
	if r.flags == 0 && r.isPlain() {
		r.flags = flagPlain
	}
}

// overlaps reports whether sorted labels have a name in common.
func overlaps(a, b []label) bool {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].name == b[0].name:
			return true
		case a[0].name < b[0].name:
			a = a[1:]
		default:
			b = b[1:]
		}
	}
	return false
}

func reserves(ls []label, typ dto.MetricType) bool {
	return slices.ContainsFunc(ls, func(l label) bool { return unreserved(l.name, typ) != l.name })
}

var labelSeed = maphash.MakeSeed()

func (s *Store) hashLabels(ls []label) uint64 {
	var h maphash.Hash
	h.SetSeed(labelSeed)
	for _, l := range ls {
		_, _ = h.WriteString(l.name)
		_ = h.WriteByte(0xff) // cannot occur in valid UTF-8
		_, _ = h.WriteString(l.value)
		_ = h.WriteByte(0xff)
	}
	if s.opts.collide {
		return 0
	}
	return h.Sum64()
}

// labelsOf returns all labels of a series, sorted.
func (s *Store) labelsOf(f *family, slot uint32) []label {
	r := f.mu.series.At(slot)
	ls := parseLabels(nil, f.appendOwn(nil, slot, r))
	if r.scope != 0 && r.flags&flagWhole == 0 {
		ls = append(ls, s.contexts.scope(r.scope).labels...)
	}
	slices.SortFunc(ls, compareLabels)
	return ls
}

// adopt gives a series the identity of the point under way, by which it is found at once from then on, if there is room.
func (r *reader) adopt(slot uint32) {
	st := &r.family.mu
	if r.full(r.family, len(r.key)+r.textSize()) {
		return
	}
	st.series.Rekey(slot, r.key)
	rec := st.series.At(slot)
	r.scope.users.Add(1)
	if rec.scope != 0 {
		r.gone.release(&r.contexts, r.contexts.scope(rec.scope))
	}
	rec.scope = r.scope.id
	r.setText(slot, rec)
}

func (r *reader) setText(slot uint32, rec *record) {
	rec.flags = rec.flags&^(flagPlain|flagWhole) | r.flags
	if r.flags&flagPlain != 0 {
		r.family.setOdd(slot, nil)
	} else {
		r.family.setOdd(slot, r.text)
	}
}

// insert adds the series of the point under way, unless the store is full; more is the memory of its state.
func (r *reader) insert(more int) (uint32, bool) {
	slot, reason := r.newSeries(r.family, r.key, r.hash, more+r.textSize())
	if reason != "" {
		r.out.refuse(reason, 1)
		return 0, false
	}
	rec := r.family.mu.series.At(slot)
	rec.scope = r.scope.id
	r.setText(slot, rec)
	r.scope.users.Add(1)
	return slot, true
}

// newSeries adds a series that does not exist; the caller holds the family's lock.
func (s *Store) newSeries(f *family, key []byte, hash uint64, more int) (uint32, Reason) {
	if s.series.Add(1) > int64(s.opts.MaxSeries) && s.opts.MaxSeries > 0 {
		s.series.Add(-1)
		return 0, ReasonMaxSeries
	}
	const fixed = 100
	if s.full(f, len(key)+more+fixed) {
		s.series.Add(-1)
		return 0, ReasonMaxMemory
	}
	slot := f.mu.series.Insert(key)
	f.mu.labels.Add(hash, slot)
	f.mu.series.At(slot).labels = hash
	return slot, ""
}

// full reports whether more bytes would pass the bound on memory.
func (s *Store) full(f *family, more int) bool {
	if s.opts.MaxMemory <= 0 {
		return false
	}
	unaccounted := f.bytes() - f.mu.accounted
	return s.allMemory()+int64(unaccounted+more) > s.opts.MaxMemory
}

// allMemory is what MaxMemory bounds: that of all siblings.
func (s *Store) allMemory() int64 {
	if s.siblings != nil {
		return s.siblings.Memory()
	}
	return s.Memory()
}

// place replaces a state, unless the new one is larger and there is no room for that.
func (r *reader) place(slot uint32, st state) bool {
	grows := st.size()
	if old := r.family.state(slot); old != nil {
		grows -= old.size()
	}
	if grows > 0 && r.full(r.family, grows) {
		return false
	}
	r.family.setState(slot, st)
	return true
}

// hasRoomForExemplars is asked before any is kept: they are the first that a full store does without.
func (r *reader) hasRoomForExemplars(n int) bool {
	const each = 48 + 2*maxExemplarRunes
	return n > 0 && !r.full(r.family, n*each)
}
