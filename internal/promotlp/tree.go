package promotlp

import "github.com/prometheus/prometheus/model/labels"

// tree holds what batches are made of: resources, their scopes, the metrics of those and their points.
type tree struct {
	resources map[origin]*resource
	points    map[identity]*point
	sets      attributeSets
	// names counts metrics by name.
	names map[string]int
}

// identity is what tells points apart.
type identity struct {
	metric *metric
	attrs  *attributeSet
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
	return tree{resources: map[origin]*resource{}, points: map[identity]*point{}, sets: newAttributeSets(), names: names}
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
	set := t.sets.of(lset, r)
	id := identity{m, set}
	if p := t.points[id]; p != nil {
		t.sets.release(set)
		return p
	}
	p := &point{identity: id}
	if m.kind == kindHistogram || m.kind == kindSummary {
		p.buckets = &buckets{}
	}
	t.points[id] = p
	m.points++
	return p
}

// remove forgets a point, and of metric, scope and resource what is empty without it.
func (t *tree) remove(p *point) {
	m := p.metric
	delete(t.points, p.identity)
	t.sets.release(p.attrs)
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
