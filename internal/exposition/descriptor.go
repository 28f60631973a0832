package exposition

import (
	"strings"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// maxDescriptors bounds the metrics remembered; when there are more, all are forgotten and learnt anew.
const maxDescriptors = 1 << 16

// maxRemembered bounds the length of the names that descriptors and label names are remembered for.
const maxRemembered = 1 << 10

// descriptors remembers what metrics are called on the page. The zero value is empty.
type descriptors struct {
	mu      sync.RWMutex
	metrics map[metricKey]*descriptor
}

type metricKey struct {
	name, unit string
	kind       metricKind
}

// descriptor is immutable but for the family, which is the one last found.
type descriptor struct {
	name, unit string
	kind       metricKind
	valid      bool
	family     atomic.Pointer[family]
}

// describe returns the descriptor of a metric; it is not valid when the metric cannot be given a name.
func (s *Store) describe(m pmetric.Metric, kind metricKind) *descriptor {
	key := metricKey{m.Name(), m.Unit(), kind}
	if d := s.metrics.get(key); d != nil {
		return d
	}
	name, ok := s.names.metricName(key.name, key.unit, kind.naming)
	d := &descriptor{name: strings.Clone(name), kind: kind, valid: ok}
	d.unit = strings.Clone(cleanText(s.names.units.Build(key.unit)))
	if len(key.name)+len(key.unit) <= maxRemembered {
		key.name, key.unit = strings.Clone(key.name), strings.Clone(key.unit)
		s.metrics.add(key, d)
	}
	return d
}

func (ds *descriptors) get(key metricKey) *descriptor {
	ds.mu.RLock()
	defer ds.mu.RUnlock()
	return ds.metrics[key]
}

func (ds *descriptors) add(key metricKey, d *descriptor) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	if ds.metrics == nil || len(ds.metrics) >= maxDescriptors {
		ds.metrics = make(map[metricKey]*descriptor)
	}
	ds.metrics[key] = d
}

// trim forgets the metrics without a family.
func (ds *descriptors) trim() {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	for key, d := range ds.metrics {
		if f := d.family.Load(); f == nil || f.dead.Load() {
			delete(ds.metrics, key)
		}
	}
}
