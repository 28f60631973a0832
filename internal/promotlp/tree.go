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

// tree holds what batches are made of: resources, their scopes, the metrics of those and their points.
type tree struct {
	resources map[origin]*resource
	points    []*point
	free      []uint32
	index     series.Index
	seed      maphash.Seed
	// names counts metrics by name.
	names map[string]int
	// pairs and hash are memory to work in.
	pairs []otlp.Pair
	hash  maphash.Hash
}

// metric is a metric of a scope.
type metric struct {
	metricKey
	scope  *scope
	family *family
	points int

	// page is the last one it was on; then shown are its points, stale those that need a marker.
	page         uint32
	shown, stale []*point
}

type metricKey struct {
	name string
	kind kind
}

func newTree(names map[string]int) tree {
	t := tree{resources: map[origin]*resource{}, seed: maphash.MakeSeed(), names: names}
	t.hash.SetSeed(t.seed)
	return t
}

// metric finds the metric of a series, or adds it.
func (t *tree) metric(s *scope, p place) *metric {
	key := metricKey{p.metric, p.kind}
	m := s.metrics[key]
	if m == nil {
		m = &metric{metricKey: key, scope: s}
		s.metrics[key] = m
		t.names[key.name]++
	}
	m.family = p.family
	return m
}

// point finds the point that a series is a part of, or adds it.
func (t *tree) point(m *metric, lset labels.Labels, r role) *point {
	t.attributes(lset, r)
	hash := t.hashOf(m)
	slot, known := t.index.Find(hash, func(slot uint32) bool {
		p := t.points[slot]
		return p.metric == m && p.attrs.Equal(t.pairs)
	})
	if known {
		return t.points[slot]
	}
	p := &point{metric: m, attrs: otlp.NewAttributes(interned(t.pairs)), hash: hash, slot: t.takeSlot()}
	if m.kind == kindHistogram || m.kind == kindSummary {
		p.buckets = &buckets{}
	}
	m.points++
	t.points[p.slot] = p
	t.index.Add(hash, p.slot)
	return p
}

// attributes collects the labels that are attributes of a point.
func (t *tree) attributes(lset labels.Labels, r role) {
	t.pairs = t.pairs[:0]
	lset.Range(func(l labels.Label) {
		switch {
		case l.Value == "", l.Name == model.MetricNameLabel, l.Name == model.JobLabel, l.Name == model.InstanceLabel:
		case r == roleBucket && l.Name == model.BucketLabel, r == roleQuantile && l.Name == model.QuantileLabel:
		case isScopeLabel(l.Name):
		default:
			t.pairs = append(t.pairs, otlp.Pair{Key: l.Name, Value: l.Value})
		}
	})
}

func (t *tree) hashOf(m *metric) uint64 {
	h := &t.hash
	h.Reset()
	_, _ = h.WriteString(m.name)
	_ = h.WriteByte(byte(m.kind))
	for _, p := range t.pairs {
		_, _ = h.WriteString(p.Key)
		_ = h.WriteByte(0xff)
		_, _ = h.WriteString(p.Value)
		_ = h.WriteByte(0xff)
	}
	return h.Sum64()
}

func (t *tree) takeSlot() uint32 {
	if last := len(t.free) - 1; last >= 0 {
		slot := t.free[last]
		t.free = t.free[:last]
		return slot
	}
	t.points = append(t.points, nil)
	return uint32(len(t.points) - 1)
}

// remove forgets a point, and of metric, scope and resource what is empty without it.
func (t *tree) remove(p *point) {
	t.index.Remove(p.hash, p.slot, func(slot uint32) uint64 { return t.points[slot].hash })
	t.points[p.slot] = nil
	t.free = append(t.free, p.slot)
	m := p.metric
	if m.points--; m.points > 0 {
		return
	}
	s := m.scope
	delete(s.metrics, m.metricKey)
	if t.names[m.name]--; t.names[m.name] == 0 {
		delete(t.names, m.name)
	}
	if len(s.metrics) > 0 {
		return
	}
	delete(s.resource.scopes, s.key)
	if r := s.resource; len(r.scopes) == 0 {
		delete(t.resources, r.origin)
	}
}

// interned returns a copy whose strings are shared by all targets and hold no page.
func interned(pairs []otlp.Pair) []otlp.Pair {
	own := slices.Clone(pairs)
	for i, p := range own {
		own[i] = otlp.Pair{Key: unique.Make(p.Key).Value(), Value: unique.Make(p.Value).Value()}
	}
	return own
}
