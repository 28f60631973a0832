package promotlp

import (
	"hash/maphash"
	"slices"
	"unique"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/sluice-metrics/sluice/internal/otlp"
	"github.com/sluice-metrics/sluice/internal/series"
)

// attributeSets keeps each set of attributes once: the metrics of a target often have the same.
type attributeSets struct {
	sets  []*attributeSet
	free  []uint32
	index series.Index
	seed  maphash.Seed
	// pairs and hash are memory to work in.
	pairs []otlp.Pair
	hash  maphash.Hash
}

type attributeSet struct {
	*otlp.Attributes
	hash uint64
	slot uint32
	// points is how many have them.
	points int32
}

func newAttributeSets() attributeSets {
	s := attributeSets{seed: maphash.MakeSeed()}
	s.hash.SetSeed(s.seed)
	return s
}

// of finds the attributes of a point, or adds them. They are let go of by release, once for each use.
func (a *attributeSets) of(lset labels.Labels, r role) *attributeSet {
	a.collect(lset, r)
	hash := a.sum()
	slot, known := a.index.Find(hash, func(slot uint32) bool { return a.sets[slot].Equal(a.pairs) })
	if !known {
		slot = a.add(hash)
	}
	a.sets[slot].points++
	return a.sets[slot]
}

func (a *attributeSets) add(hash uint64) uint32 {
	s := &attributeSet{Attributes: otlp.NewAttributes(interned(a.pairs)), hash: hash, slot: uint32(len(a.sets))}
	if last := len(a.free) - 1; last >= 0 {
		s.slot, a.free = a.free[last], a.free[:last]
		a.sets[s.slot] = s
	} else {
		a.sets = append(a.sets, s)
	}
	a.index.Add(hash, s.slot)
	return s.slot
}

func (a *attributeSets) release(s *attributeSet) {
	if s.points--; s.points > 0 {
		return
	}
	a.index.Remove(s.hash, s.slot, func(slot uint32) uint64 { return a.sets[slot].hash })
	a.sets[s.slot] = nil
	a.free = append(a.free, s.slot)
}

// collect collects the labels that are attributes of a point.
func (a *attributeSets) collect(lset labels.Labels, r role) {
	a.pairs = a.pairs[:0]
	lset.Range(func(l labels.Label) {
		switch {
		case l.Value == "", l.Name == model.MetricNameLabel, l.Name == model.JobLabel, l.Name == model.InstanceLabel:
		case r == roleBucket && l.Name == model.BucketLabel, r == roleQuantile && l.Name == model.QuantileLabel:
		case isScopeLabel(l.Name):
		default:
			a.pairs = append(a.pairs, otlp.Pair{Key: l.Name, Value: l.Value})
		}
	})
}

func (a *attributeSets) sum() uint64 {
	h := &a.hash
	h.Reset()
	for _, p := range a.pairs {
		_, _ = h.WriteString(p.Key)
		_ = h.WriteByte(0xff)
		_, _ = h.WriteString(p.Value)
		_ = h.WriteByte(0xff)
	}
	return h.Sum64()
}

// interned returns a copy whose strings are shared by all targets and hold no page.
func interned(pairs []otlp.Pair) []otlp.Pair {
	own := slices.Clone(pairs)
	for i, p := range own {
		own[i] = otlp.Pair{Key: unique.Make(p.Key).Value(), Value: unique.Make(p.Value).Value()}
	}
	return own
}
